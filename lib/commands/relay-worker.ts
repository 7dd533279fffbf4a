import { relayWorker, type RelayWorkerMethods } from '../pluginserver/relay-worker.js'
import { logSink } from '../runtime/log-sink.js'
import { processLogger } from '../runtime/logger.js'
import { runWorker } from '../runtime/workers/worker-process.js'
import { chosenPlugins, installedPlugins } from './plugins.js'

// The program of a worker of `kong-ai plugin-server --workers N`.
runWorker<RelayWorkerMethods>(async (options, parent) => {
  const { folders, plugins: names, logSink: target, verbose } = options.process
  const log = processLogger(verbose ? 'debug' : 'info')
  const definitions = chosenPlugins(await installedPlugins(folders, log), names)
  const sink = target === undefined ? undefined : logSink(target, log)
  const plugins = new Map(definitions.map((definition) => [definition.name, definition]))
  return relayWorker(options, { plugins, log, sink }, parent)
})
