import { describe, expect, it } from 'vitest'
import type { PluginEntity, Route } from '../../../lib/gateway/entities.js'
import { createPluginsFor } from '../../../lib/gateway/plugins-for.js'

const SCHEMAS = new Map(['a', 'b', 'high'].map((name) => [name, { priority: name === 'high' ? 2000 : 770 }]))

const withService = { id: 'r', service: { id: 's' } } as Route
const alone = { id: 'alone' } as Route

/** `a@r:s`: plugin a on Route r and Service s; `!` in front: disabled. */
function plugin(text: string): PluginEntity {
  const [, off, name = '', route, service] = /^(!?)(\w+)@(\w*):(\w*)$/.exec(text) ?? []
  return {
    id: text,
    name,
    enabled: off === '',
    ...(route && { route: { id: route } }),
    ...(service && { service: { id: service } }),
  } as PluginEntity
}

function chainOf(plugins: string[], route?: Route): string[] {
  const config = { routes: [withService, alone], plugins: plugins.map(plugin) }
  const found = createPluginsFor(config, SCHEMAS)
  return (route === undefined ? found.global : found.route(route)).map(({ id }) => id)
}

describe('createPluginsFor', () => {
  it.each<[string, string[], string[]]>([
    ['Route and Service before Route', ['a@:', 'a@:s', 'a@r:', 'a@r:s'], ['a@r:s']],
    ['Route before Service', ['a@:', 'a@:s', 'a@r:'], ['a@r:']],
    ['Service before global', ['a@:', 'a@:s'], ['a@:s']],
    ['global', ['a@:'], ['a@:']],
    ['nothing from elsewhere', ['a@x:', 'a@:x', 'a@r:x', 'a@x:s'], []],
    ['a disabled one is not there', ['a@:', '!a@r:'], ['a@:']],
    ['one of each name, higher priorities first', ['a@:', 'high@:s', 'a@r:'], ['high@:s', 'a@r:']],
    ['equal priorities in the reverse order of the names', ['a@:', 'b@:'], ['b@:', 'a@:']],
  ])('%s', (_, plugins, expected) => {
    expect(chainOf(plugins, withService)).toEqual(expected)
  })

  it('has the global plugins for a request without a Route', () => {
    expect(chainOf(['a@:', 'b@r:', 'high@:s'])).toEqual(['a@:'])
  })

  it('knows Routes without a Service', () => {
    expect(chainOf(['a@alone:', 'a@:', 'b@:s'], alone)).toEqual(['a@alone:'])
  })
})
