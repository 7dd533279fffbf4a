import { mkdirSync, rmSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { KongDouble } from '../../support/kong-double.js'
import { startStockServer, type StockServer } from '../../support/stock-pluginserver.js'
import { temporarySocket } from '../../support/temp-socket.js'

const DIST = path.resolve(import.meta.dirname, '../../../dist/plugins')

/** A plugins folder as kong-js-pluginserver wants it, with our plugins in it: their modules as Node builds them. */
function stockFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'kong-ai-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  for (const name of ['ai-proxy', 'redact']) {
    mkdirSync(path.join(folder, name))
    writeFileSync(
      path.join(folder, name, 'package.json'),
      JSON.stringify({ name, version: '0.1.0', main: 'index.js' }),
    )
    // kong-pdk reads schemas as plain fields.
    writeFileSync(
      path.join(folder, name, 'index.js'),
      `module.exports = { ...require(${JSON.stringify(path.join(DIST, name, 'index.js'))}), Name: '${name}' }`,
    )
  }
  return folder
}

const CONFIGS = {
  'ai-proxy': {
    route_type: 'llm/v1/chat',
    model: { provider: 'openai', name: 'm' },
    logging: {},
    max_request_body_size: 0,
  },
  redact: { word: 'secret', replacement: '***' },
}

describe('a plugin with filters under kong-pdk’s own plugin server', () => {
  const socket = temporarySocket(afterAll)
  let server: StockServer
  beforeAll(async () => {
    server = await startStockServer(socket, stockFolder())
  })
  afterAll(() => server.kill())

  for (const [plugin, config] of Object.entries(CONFIGS)) {
    it(`${plugin} answers 500 and says what to run instead, and never lets the request pass`, async () => {
      const kong = new KongDouble({ socket, plugin, config, phases: ['access'] })
      onTestFinished(() => kong.close())
      const { from, status, headers, body, calls } = await kong.request({ method: 'POST', body: '{}' })
      expect([from, status, headers['content-type']]).toEqual([
        'exit',
        500,
        'application/json; charset=utf-8',
      ])
      expect(JSON.parse(body.toString())).toMatchObject({
        error: { message: expect.stringContaining('serve it with "kong-ai plugin-server"') },
      })
      expect(calls.map(({ method }) => method)).toEqual(['kong.response.exit'])
    })
  }
})
