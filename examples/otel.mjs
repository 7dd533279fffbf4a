// Spans of every exchange, sent to an OpenTelemetry collector:
//
//   npm install --no-save @opentelemetry/sdk-node@0.223 @opentelemetry/exporter-trace-otlp-http@0.223
//   OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 node --import ./examples/otel.mjs dist/lib/cli.js gateway
//
// Registered before the gateway starts, an SDK is found by it; without one no span is made. The exporter is not a
// dependency of kong-ai: 0.223 fits Node 20 and the api of kong-ai. In a copy of this repository, after `npm start`.

import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { NodeSDK } from '@opentelemetry/sdk-node'

const sdk = new NodeSDK({
  serviceName: process.env.OTEL_SERVICE_NAME ?? 'kong-ai',
  traceExporter: new OTLPTraceExporter(),
})
sdk.start()

// What is still in the batch goes out before the process ends.
process.once('beforeExit', () => void sdk.shutdown())
