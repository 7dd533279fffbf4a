import { Agent, type Dispatcher } from 'undici'
import { KongDouble } from '../spec/support/kong-double.js'
import { sharedClock, STAMP } from './answers.js'
import type { Job, Outcome } from './job.js'

/*
 * The load client: carries out one job at a time for its parent and says what it saw. Every answer is checked: a target
 * that is fast because it answers something else is an error.
 */

const agent = new Agent({ connections: null, headersTimeout: 60_000, bodyTimeout: 60_000 })

/** What one answer looked like. Times are microseconds of the shared clock. */
class Answer {
  status = 0
  bytes = 0
  events = 0
  firstToken = 0
  /** How long each frame that says when it was sent was under way. */
  readonly delays: number[] = []
  #last = ''

  take(piece: Buffer): void {
    const now = sharedClock()
    this.bytes += piece.length
    const text = piece.toString('latin1')
    // Between two pieces an event's end may be cut, and no token is.
    if (this.#last.endsWith('\n') && text.startsWith('\n')) this.events++
    for (let at = text.indexOf('\n\n'); at !== -1; at = text.indexOf('\n\n', at + 2)) this.events++
    for (const [, stamp] of text.matchAll(STAMP)) {
      this.firstToken ||= now
      this.delays.push(now - Number(stamp))
    }
    this.#last = text.slice(-DONE.length)
  }

  /** What is wrong with it. */
  fault({ expect }: Job): string | undefined {
    if (this.status !== 200) return `status ${this.status}`
    if (expect.bytes !== undefined && this.bytes !== expect.bytes) {
      return `${this.bytes} bytes instead of ${expect.bytes}`
    }
    if (expect.events === undefined) return undefined
    if (this.events < expect.events) return `${this.events} events instead of ${expect.events}`
    return this.#last.endsWith(DONE) ? undefined : 'no [DONE] at the end'
  }
}

const DONE = 'data: [DONE]\n\n'

/** How often a slow reader looks whether it may read on. */
const READ_EVERY_MS = 20

function send(job: Job, where: Where, answer: Answer): Promise<void> {
  return new Promise((resolve, reject) => {
    let slow: NodeJS.Timeout | undefined
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {},
      onResponseStart(controller, status) {
        answer.status = status
        if (job.readRate !== undefined) slow = readSlowly(controller, answer, job.readRate)
      },
      onResponseData: (_controller, piece) => answer.take(piece),
      onResponseEnd() {
        clearInterval(slow)
        resolve()
      },
      onResponseError(_controller, error) {
        clearInterval(slow)
        reject(error)
      },
    }
    agent.dispatch({ ...where, method: 'POST', body: job.body }, handler)
  })
}

function readSlowly(
  controller: Dispatcher.DispatchController,
  answer: Answer,
  bytesPerSecond: number,
): NodeJS.Timeout {
  const started = performance.now()
  return setInterval(() => {
    const allowed = ((performance.now() - started) / 1000) * bytesPerSecond
    if (answer.bytes > allowed) controller.pause()
    else controller.resume()
  }, READ_EVERY_MS)
}

interface Where {
  readonly origin: string
  readonly path: string
  readonly headers: Record<string, string | string[]>
}

/** One request with its answer, by way of a Kong that hands it over where the target is a relay. */
async function request(job: Job, kong: KongDouble | undefined, answer: Answer): Promise<void> {
  const headers = { 'content-type': 'application/json', ...job.headers }
  if (kong === undefined) {
    await send(job, { origin: job.origin, path: job.path, headers }, answer)
    return
  }
  const run = kong.begin({ method: 'POST', path: job.path, headers })
  const exit = await kong.beforeUpstream(run)
  if (exit) throw new Error(`the plugin server answered ${exit.status}: ${exit.body.toString()}`)
  const { host, port, path, headers: handed } = run.request.upstream
  const sent = { ...handed, host: handed.host![0]! }
  await send(job, { origin: `http://${host}:${port}`, path, headers: sent }, answer)
  await kong.log(run, answer.status)
}

async function carryOut(job: Job): Promise<Outcome> {
  const kong = job.handover && new KongDouble({ ...job.handover, plugin: 'ai-proxy' })
  const faults: string[] = []
  const firstTokens: number[] = []
  const delays: number[] = []
  let left = job.requests
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const answer = new Answer()
      const started = sharedClock()
      const fault = await request(job, kong, answer).then(
        () => answer.fault(job),
        (error: unknown) => String(error),
      )
      if (fault !== undefined) faults.push(fault)
      else {
        if (answer.firstToken > 0) firstTokens.push(answer.firstToken - started)
        // Of many streams at once the first part shows how fast connections open, and the last one how fast answers end, not how long a
        // frame takes.
        const end = answer.delays.length - job.skippedDelays
        for (const delay of answer.delays.slice(job.skippedDelays, end)) delays.push(delay)
      }
    }
  }
  await Promise.all(Array.from({ length: job.concurrency }, worker))
  kong?.close()
  return { faults: faults.length, firstFault: faults[0], firstTokens, delays }
}

process.on('message', (job: Job) => {
  void carryOut(job).then((outcome) => process.send!(outcome))
})
process.on('disconnect', () => process.exit(0))
