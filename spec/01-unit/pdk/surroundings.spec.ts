import { describe, expect, it } from 'vitest'
import { headers, inFilter, inPhase } from './fake-exchange.js'

describe('kong.client', () => {
  it('tells the peer from the address that a trusted proxy gave', async () => {
    const { kong } = inPhase('rewrite')
    expect(await kong.client.getIp()).toBe('10.0.0.1')
    expect(await kong.client.getPort()).toBe(4711)
    expect(await kong.client.getForwardedIp()).toBe('203.0.113.9')
    expect(await kong.client.getForwardedPort()).toBe(5000)
  })

  it('gives consumer and credential, or nothing for an anonymous client', async () => {
    const { kong } = inPhase('access', {
      exchange: { consumer: { username: 'alice' }, credential: { key: 'k' } },
    })
    expect(await kong.client.getConsumer()).toEqual({ username: 'alice' })
    expect(await kong.client.getCredential()).toEqual({ key: 'k' })
    expect(await inPhase('access').kong.client.getConsumer()).toBeUndefined()
  })

  it("gives the Route's only protocol, else that of the connection", async () => {
    const only = inPhase('access', { exchange: { route: { protocols: ['grpc'] } } })
    expect(await only.kong.client.getProtocol()).toBe('grpc')
    const { kong } = inPhase('access')
    expect(await kong.client.getProtocol()).toBe('http')
    expect(await kong.client.getProtocol(true)).toBe('https')
    const none = inPhase('access', { exchange: { route: undefined } })
    expect(await none.kong.client.getProtocol()).toBeUndefined()
  })
})

describe('kong.router', () => {
  it('gives Route and Service', async () => {
    const { kong } = inPhase('access')
    expect(await kong.router.getRoute()).toMatchObject({ name: 'route' })
    expect(await kong.router.getService()).toEqual({ name: 'service' })
  })
})

describe('kong.ctx.shared and kong.nginx.getCtx', () => {
  it('keep values for the time of the request', async () => {
    const { kong } = inPhase('access')
    const value = { a: [1, 2.5, 'x'], b: true }
    await kong.ctx.shared.set('spike', value)
    expect(await kong.ctx.shared.get('spike')).toBe(value)
    expect(await kong.ctx.shared.get('absent')).toBeUndefined()
    await kong.nginx.setCtx('own', 1)
    expect(await kong.nginx.getCtx('own')).toBe(1)
  })
})

describe('kong.log', () => {
  it("joins its arguments, with the plugin's name before them, at the level nearest to Kong's", async () => {
    const { kong, lines } = inPhase('access')
    await kong.log.debug('d')
    await kong.log.info('i')
    await kong.log.notice('n', 'two', 3, { a: [1] }, null, undefined)
    await kong.log.warn('w')
    await kong.log.deprecation('old')
    await kong.log.err('e')
    await kong.log.crit('c')
    await kong.log.alert('a')
    expect(lines).toEqual([
      'debug [probe] d',
      'info [probe] i',
      'info [probe] ntwo3{"a":[1]}nullundefined',
      'warn [probe] w',
      'warn [probe] old',
      'error [probe] e',
      'error [probe] c',
      'error [probe] a',
    ])
  })

  it('writes an error with its stack', () => {
    const { kong, lines } = inFilter('body_filter')
    kong.log.err(new RangeError('too far'))
    expect(lines[0]).toMatch(/^error \[probe\] RangeError: too far\n\s+at /)
  })

  it('gives the log entry as JSON text, as kong-pdk plugins know it', async () => {
    const { kong } = inPhase('log')
    expect(await kong.log.serialize()).toBe('{"request":{"id":"0123456789abcdef0123456789abcdef"}}')
  })

  it('keeps values for the log entry', async () => {
    const { kong, x } = inPhase('access')
    await kong.log.setSerializeValue('ai.model', 'm')
    await kong.log.setSerializeValue('ai.usage', undefined, { mode: 'replace' })
    expect([...x.logValues]).toEqual([
      ['ai.model', { value: 'm', mode: 'set' }],
      ['ai.usage', { value: undefined, mode: 'replace' }],
    ])
  })

  it('lets the last value of a key win, last in the order, but adds none where one is', async () => {
    const { kong, x } = inPhase('access')
    await kong.log.setSerializeValue('a', 1)
    await kong.log.setSerializeValue('a.b', 1)
    await kong.log.setSerializeValue('a', 2, { mode: 'replace' })
    await kong.log.setSerializeValue('a', 3, { mode: 'add' })
    expect([...x.logValues]).toEqual([
      ['a.b', { value: 1, mode: 'set' }],
      ['a', { value: 2, mode: 'set' }],
    ])
  })

  it('takes several at once, each the last value of its key', async () => {
    const { kong, x } = inPhase('log')
    await kong.log.setSerializeValue('a', 1, { mode: 'add' })
    await kong.log.setSerializeValues({ b: 1, a: { c: 2 } })
    expect([...x.logValues]).toEqual([
      ['b', { value: 1, mode: 'set' }],
      ['a', { value: { c: 2 }, mode: 'set' }],
    ])
    await expect(kong.log.setSerializeValues('a' as never)).rejects.toThrow('values must be a table')
  })

  it('refuses other keys and modes', async () => {
    const { kong } = inPhase('access')
    await expect(kong.log.setSerializeValue(1 as never, 1)).rejects.toThrow('key must be a string')
    await expect(kong.log.setSerializeValue('a', 1, { mode: 'drop' as never })).rejects.toThrow(
      "mode must be 'set', 'add' or 'replace'",
    )
  })
})

describe('kong.node, kong.plugin, kong.ip and kong.vault', () => {
  it('say what the process knows', async () => {
    const { kong } = inPhase('access')
    expect(await kong.node.getId()).toBe('83e5ac86')
    expect(await kong.node.getHostname()).toBe('node-1')
    expect(await kong.plugin.getId()).toBe('ffb60a61')
    expect(await kong.ip.isTrusted('10.0.0.1')).toBe(true)
    expect(await kong.ip.isTrusted('10.0.0.2')).toBe(false)
  })

  it('tell references and look them up', async () => {
    const { kong } = inPhase('access')
    expect(await kong.vault.isReference('{vault://env/key}')).toBe(true)
    expect(await kong.vault.isReference('{vault://env/key')).toBe(false)
    expect(await kong.vault.isReference(5)).toBe(false)
    expect(await kong.vault.get('{vault://env/key}')).toBe('secret')
    expect(await kong.vault.get('{vault://env/other}')).toBeUndefined()
    expect(await kong.vault.get('key')).toBeUndefined()
  })
})

describe('kong.nginx.getVar', () => {
  const { kong } = inPhase('access', {
    request: {
      headers: headers({ host: 'api.test:8000', 'x-multi': ['a', 'b'], 'content-type': 'text/plain' }),
    },
    exchange: { serviceResponse: { status: 502, headers: headers({ server: 'up' }) } },
  })

  it.each([
    ['kong_request_id', '0123456789abcdef0123456789abcdef'],
    ['request_id', '0123456789abcdef0123456789abcdef'],
    ['remote_addr', '203.0.113.9'],
    ['realip_remote_addr', '10.0.0.1'],
    ['scheme', 'http'],
    ['host', 'api.test'],
    ['server_port', '8000'],
    ['server_protocol', 'HTTP/1.1'],
    ['request_method', 'GET'],
    ['uri', '/a b'],
    ['request_uri', '/a%20b?x=1&x=2&flag'],
    ['args', 'x=1&x=2&flag'],
    ['content_type', 'text/plain'],
    ['content_length', undefined],
    ['status', '200'],
    ['upstream_host', 'up.test'],
    ['upstream_uri', '/up'],
    ['upstream_status', '502'],
    ['http_x_multi', 'a, b'],
    ['HTTP_HOST', 'api.test:8000'],
    ['http_absent', undefined],
    ['upstream_http_server', 'up'],
    ['sent_http_server', undefined],
    ['arg_x', '1'],
    ['arg_flag', ''],
    ['arg_none', undefined],
    ['no_such_var', undefined],
    ['constructor', undefined],
  ])('knows %s', async (name, value) => {
    expect(await kong.nginx.getVar(name)).toBe(value)
  })

  it('refuses a name that is no string', async () => {
    await expect(kong.nginx.getVar(1 as never)).rejects.toThrow('variable name must be a string')
  })
})

describe('kong.nginx', () => {
  it('gives the start of the request in seconds', async () => {
    const { kong } = inPhase('access')
    expect(await kong.nginx.reqStartTime()).toBe(1_795_351_953.161)
    expect(await kong.nginx.getSubsystem()).toBe('http')
  })
})
