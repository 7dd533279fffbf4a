import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Kong } from '../../../lib/pdk/kong.js'
import { EXPIRED } from '../../../lib/pluginserver/pdk-call.js'
import { hosted, startInstance, testServer, type TestServer, until } from '../../support/plugin-server.js'
import { gate } from '../../support/origin.js'
import { temporarySocket } from '../../support/temp-socket.js'

/** Answers with its name, or when it is let go if the client asks it to wait. */
async function serverNamed(name: string, socket?: string): Promise<TestServer & { go: () => void }> {
  const { promise, open } = gate()
  class Example {
    async access(kong: Kong) {
      const waits = await kong.request.getHeader('x-wait')
      if (waits) await promise
      await kong.response.exit(200, name)
    }
  }
  const server = await testServer(hosted({ Plugin: Example }), socket === undefined ? {} : { socket })
  return { ...server, go: open }
}

async function answerOf(server: TestServer): Promise<string> {
  return (await server.kong({ phases: ['access'] }).request()).body.toString()
}

describe('the socket of a plugin server', () => {
  it('is open to the user that Kong runs as', async () => {
    const { socket } = await serverNamed('one')
    expect(statSync(socket).mode & 0o777).toBe(0o666)
  })

  it('replaces what a killed process left behind', async () => {
    const socket = temporarySocket()
    const script = `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', script])
    expect(existsSync(socket)).toBe(true)
    expect(await answerOf(await serverNamed('new', socket))).toBe('new')
  })

  it('is taken over from a live process, which serves its connections to their end and leaves the path alone', async () => {
    const old = await serverNamed('old')
    const double = old.kong({ phases: ['access'] })
    const running = double.request({ headers: { 'x-wait': '1' } })
    await until(() => old.server.events === 1)
    const next = await serverNamed('new', old.socket)
    expect(await answerOf(next)).toBe('new')
    const closed = old.server.close()
    old.go()
    expect((await running).body.toString()).toBe('old')
    await closed
    expect(await answerOf(next)).toBe('new')
  })

  it('never replaces a file that is no socket', async () => {
    const socket = temporarySocket()
    writeFileSync(socket, 'precious')
    await expect(serverNamed('one', socket)).rejects.toThrow('is not a socket')
    expect(statSync(socket).isFile()).toBe(true)
  })

  it('cannot be where there is no folder', async () => {
    await expect(serverNamed('one', '/nowhere/at/all.sock')).rejects.toThrow('/nowhere/at/all.sock')
  })

  it('is gone when the server has closed', async () => {
    const { socket, server } = await serverNamed('one')
    await server.close()
    expect(readdirSync(dirname(socket))).toEqual([])
  })
})

describe('a plugin server that closes', () => {
  it('lets running events end, over connections that Kong has', async () => {
    const one = await serverNamed('one')
    const double = one.kong({ phases: ['access'] })
    const running = double.request({ headers: { 'x-wait': '1' } })
    await until(() => one.server.events === 1)
    let closed = false
    const closing = one.server.close().then(() => (closed = true))
    await until(() => !existsSync(one.socket))
    expect(closed).toBe(false)
    one.go()
    expect(await running).toMatchObject({ status: 200, errors: [] })
    await closing
    expect(one.server.events).toBe(0)
  })

  it('lets a connection go with the last answer of an event, however long others last', async () => {
    const one = await serverNamed('one')
    const running = one.kong({ phases: ['access'] }).request({ headers: { 'x-wait': '1' } })
    await until(() => one.server.events === 1)
    const peer = await one.connect()
    const instance = await startInstance(peer)
    const closing = one.server.close()
    peer.ask(2, 'HandleEvent', { InstanceId: instance, EventName: 'access' })
    const [, , , { EventId }] = (await peer.next()) as [number, number, null, { EventId: number }]
    peer.ask(3, 'Step', { EventId })
    expect(await peer.next()).toMatchObject({ 3: { Data: { Method: 'kong.response.exit' } } })
    await peer.closed
    expect(one.server.events).toBe(1)
    one.go()
    expect((await running).status).toBe(200)
    await closing
  })

  it('closes connections that nobody waits on, once Kong has left them alone for a while', async () => {
    const one = await serverNamed('one')
    const peer = await one.connect()
    await startInstance(peer)
    await one.server.close()
    await peer.closed
  })

  it('answers for events that last longer than its grace', async () => {
    const one = await serverNamed('one')
    const running = one.kong({ phases: ['access'] }).request({ headers: { 'x-wait': '1' } })
    await until(() => one.server.events === 1)
    await one.server.close(0)
    const { status, from } = await running
    expect([status, from]).toEqual([EXPIRED.Args[0], 'exit'])
  })
})
