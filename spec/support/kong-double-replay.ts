import { readdirSync, readFileSync } from 'node:fs'
import { decode, encode } from '@msgpack/msgpack'
import { RpcPeer } from './kong-double-rpc.js'

/** A conversation between a real Kong and a plugin server: spec/fixtures/kong-rpc. */
export interface Recording {
  readonly name: string
  readonly scenario: string
  readonly messages: readonly Entry[]
}

interface Entry {
  readonly connection: number
  readonly from: 'kong' | 'plugin'
  readonly hex?: string
  readonly event?: string
}

/** The server that is talked to. */
export interface Replayed {
  readonly socket: string
  /** Ends its process, as a crash does, and starts another on the same socket. */
  restart(): Promise<void>
}

/** An answer, without the ids and times that differ from one server to the next. */
export interface Turn {
  /** Position in the recording's messages. */
  readonly at: number
  readonly recorded: unknown
  readonly answered: unknown
}

export interface Replay {
  readonly turns: Turn[]
  /** Messages that the recording has no counterpart of. */
  readonly surplus: unknown[]
}

const FOLDER = new URL('../fixtures/kong-rpc/', import.meta.url)

export function recordings(): Recording[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'))
  return files.map((file) => {
    const recorded = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Omit<Recording, 'name'>
    return Object.assign(recorded, { name: file.slice(0, -'.json'.length) })
  })
}

/** Plays Kong's side, byte for byte but for the ids that the server has given out itself this time. */
export async function replay(recording: Recording, server: Replayed): Promise<Replay> {
  const peers = new Map<number, RpcPeer>()
  const ids = new Ids()
  const turns: Turn[] = []
  const unanswered = new Set<number>()
  const refused = new Set(
    recording.messages
      .filter(({ event }) => event?.startsWith('connect failed'))
      .map((entry) => entry.connection),
  )

  for (const [at, { connection, from, hex, event }] of recording.messages.entries()) {
    if (refused.has(connection)) continue
    const peer = peers.get(connection)
    if (event === 'open') {
      peers.set(connection, await RpcPeer.connect(server.socket))
    } else if (event === 'close') {
      peers.delete(connection)
      if (from === 'plugin') await server.restart()
      peer!.close()
    } else if (from === 'kong') {
      // After a silence Kong asks again, and the server has long read what came before.
      if (unanswered.has(connection)) await roundTrip(server.socket)
      peer!.send(ids.replaced(Buffer.from(hex!, 'hex')))
      unanswered.add(connection)
    } else {
      const recorded = decode(Buffer.from(hex!, 'hex')) as Answer
      const answered = (await peer!.next()) as Answer
      unanswered.delete(connection)
      ids.learn(recorded, answered)
      turns.push({ at, recorded: comparable(recorded), answered: comparable(answered) })
    }
  }

  const surplus = [...peers.values()].flatMap((peer) => peer.arrived)
  for (const peer of peers.values()) peer.close()
  return { turns, surplus }
}

/** When it is over, the server has read all that was sent before it. */
async function roundTrip(socket: string): Promise<void> {
  const peer = await RpcPeer.connect(socket)
  peer.ask(1, 'GetStatus', null)
  await peer.next()
  peer.close()
}

type Answer = [type: number, id: number, error: string | null, result: Record<string, unknown> | null]

function comparable([type, id, error, result]: Answer): unknown {
  const { Id: _id, EventId: _eventId, StartTime: _startTime, ...rest } = result ?? {}
  return [type, id, error?.replace(/#\d+/, '#') ?? null, result && rest]
}

/** The server's own ids for the recorded ones, which are all below 128: one byte on the wire. */
class Ids {
  readonly #instances = new Map<number, number>()
  readonly #events = new Map<number, number>()

  learn(recorded: Answer, answered: Answer): void {
    copyId(this.#instances, recorded[3]?.Id, answered[3]?.Id)
    copyId(this.#events, recorded[3]?.EventId, answered[3]?.EventId)
  }

  replaced(message: Buffer): Buffer {
    if (message.includes('plugin.CloseInstance')) return withId(message, message.length - 1, this.#instances)
    for (const [key, ids] of [
      ['InstanceId', this.#instances],
      ['EventId', this.#events],
    ] as const) {
      const at = message.indexOf(Buffer.concat([Buffer.from([0xa0 + key.length]), Buffer.from(key)]))
      if (at !== -1) return withId(message, at + 1 + key.length, ids)
    }
    return message
  }
}

function copyId(ids: Map<number, number>, recorded: unknown, answered: unknown): void {
  if (typeof recorded === 'number' && typeof answered === 'number') ids.set(recorded, answered)
}

function withId(message: Buffer, at: number, ids: Map<number, number>): Buffer {
  const recorded = message[at]!
  const id = encode(ids.get(recorded) ?? recorded)
  return Buffer.concat([message.subarray(0, at), id, message.subarray(at + 1)])
}
