import { unavailable, read, write } from './method.js'
import type { ModelCall, Transfer } from './model-call.js'

/** `kong.telemetry`, of which all is ours: Kong has a `log` there that needs its OpenTelemetry plugin. */
export const telemetry = {
  log: unavailable(),
  /** Shows the model call that this exchange makes to metrics, spans and the live page. */
  setModelCall: write(['rewrite', 'access'], ({ exchange }, call: ModelCall): void => {
    exchange.modelCall = call
  }),
  /** What has passed, now that the exchange is over. */
  getTransfer: read(['log'], ({ exchange }): Transfer => exchange.transfer),
}
