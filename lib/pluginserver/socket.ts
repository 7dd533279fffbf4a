import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, lstat, rename, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Logger } from '../pdk/method.js'

/** A burst of requests makes Kong open a connection for each of them at once. */
const BACKLOG = 4096

/** Kong's workers run as another user, and connecting takes the right to write. */
const MODE = 0o666

/** A unix socket under a path that other processes may take over, or have left behind. */
export interface UnixListener {
  readonly server: Server
  /** Removes the path, unless another process has taken it over. */
  remove(): Promise<void>
}

/**
 * Listens on `path` as soon as it resolves. What a dead process left there is replaced, and so is the socket of a live one: `kong
 * reload` starts a process for the new workers while the old one still serves running requests over the connections it has.
 * The path changes hands in one step, so that Kong always finds somebody. Throws if it is taken by something else.
 */
export async function listenUnix(
  path: string,
  onConnection: (socket: Socket) => void,
  log: Logger,
): Promise<UnixListener> {
  await examine(path, log)
  const server = createServer(onConnection)
  // Under a name of its own, too, because Node removes that name at close, whoever owns it by then.
  const own = `${path}.${randomBytes(3).toString('hex')}`
  server.listen({ path: own, backlog: BACKLOG })
  await once(server, 'listening')
  await chmod(own, MODE)
  const { ino } = await lstat(own)
  await rename(own, path)
  return { server, remove: () => removeOwn(path, ino) }
}

async function examine(path: string, log: Logger): Promise<void> {
  const present = await lstat(path).catch(() => undefined)
  if (present === undefined) return
  if (!present.isSocket()) throw new Error(`${path} exists and is not a socket`)
  if (await answers(path)) log.warn({ path }, 'socket taken over from a process that still listens on it')
  else log.info({ path }, 'socket of a dead process replaced')
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.on('error', () => resolve(false))
    probe.on('connect', () => {
      probe.destroy()
      resolve(true)
    })
  })
}

async function removeOwn(path: string, ino: number): Promise<void> {
  const present = await lstat(path).catch(() => undefined)
  if (present?.ino === ino) await unlink(path)
}
