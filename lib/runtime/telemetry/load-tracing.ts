import type { ExchangeObserver } from './telemetry.js'

/** Where every 1.x of `@opentelemetry/api` keeps what has been registered, so that its copies in one process find it. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1')

/** Spans, if an SDK was registered before the start (`node --import ./otel.mjs`); without one nothing of it is even loaded. */
export async function loadTracing(): Promise<ExchangeObserver | undefined> {
  if (!(REGISTERED in globalThis)) return undefined
  const { Tracing } = await import('./tracing.js')
  return new Tracing()
}
