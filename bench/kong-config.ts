import { MODELS, pathOf, scenarios, type Scenario } from './scenarios.js'

/** The plugin's config for a scenario. The upstream is the mock; everything that production has is on. */
export function pluginConfig(scenario: Scenario, mock: string) {
  return {
    route_type: 'llm/v1/chat',
    auth:
      scenario.provider === 'bedrock'
        ? { aws_access_key_id: 'AKIDEXAMPLE', aws_secret_access_key: 'secret' }
        : { header_name: 'Authorization', header_value: 'Bearer key' },
    logging: { log_statistics: true, log_payloads: false },
    max_request_body_size: 8 * 1024 * 1024,
    model: {
      provider: scenario.provider,
      name: MODELS[scenario.provider],
      options: {
        upstream_url: `${mock}${pathOf(scenario)}`,
        ...(scenario.provider === 'bedrock' && { bedrock: { aws_region: 'us-east-1' } }),
        ...(scenario.provider === 'anthropic' && { anthropic_version: '2023-06-01' }),
      },
    },
  }
}

/** A declarative config with one route a scenario. JSON is YAML. */
export function gatewayConfig(mock: string): string {
  const routes = scenarios.map((scenario) => ({
    name: `scenario-${scenario.id}`,
    paths: [`~${pathOf(scenario)}$`],
    plugins: [{ name: 'ai-proxy', config: pluginConfig(scenario, mock) }],
  }))
  const services = [{ name: 'llm', url: 'http://localhost:1', retries: 0, routes }]
  return JSON.stringify({ _format_version: '3.0', services })
}
