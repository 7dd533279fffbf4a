/** What a process under test says of itself, on demand. */
export interface Probe {
  /** After a garbage collection. Bytes. */
  heap: number
  rss: number
  /** Sockets, timers and the like that are open. */
  handles: number
  unhandled: string[]
}

// Loaded into the process of a command before the command itself, which is otherwise as it is.
const unhandled: string[] = []
process.on('unhandledRejection', (reason) => unhandled.push(String(reason)))
process.on('message', () => {
  for (let i = 0; i < 3; i++) globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  const handles = process.getActiveResourcesInfo().length
  const said: Probe = { heap: heapUsed + external, rss, handles, unhandled }
  process.send!(said)
})
// What is asked about it does not keep a process alive that has nothing else to do.
process.channel?.unref()
