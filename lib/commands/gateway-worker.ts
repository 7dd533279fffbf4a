import { gatewayWorker, type GatewayWorkerMethods } from '../gateway/gateway-worker.js'
import { logSink } from '../runtime/log-sink.js'
import { processLogger } from '../runtime/logger.js'
import { runWorker } from '../runtime/workers/worker-process.js'
import { installedPlugins } from './plugins.js'

// The program of a worker of `kong-ai gateway --workers N`.
runWorker<GatewayWorkerMethods>(async (options, parent) => {
  const { folders, logSink: target } = options.process
  const log = processLogger()
  const plugins = await installedPlugins(folders, log)
  const sink = target === undefined ? undefined : logSink(target, log)
  return gatewayWorker(options, { plugins, log, sink }, parent)
})
