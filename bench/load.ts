import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { recordings, stampedWord, WHOLE_ANSWER, word } from './answers.js'
import type { Job, Outcome } from './job.js'
import { requestBody, type Scenario } from './scenarios.js'
import type { Target } from './targets.js'

/** The load client, in a process of its own. */
export class LoadClient {
  readonly #process: ChildProcess = fork(fileURLToPath(new URL('client.js', import.meta.url)))
  readonly #ended = once(this.#process, 'exit').then(() => Promise.reject(new Error('the load client ended')))

  constructor() {
    this.#ended.catch(() => undefined)
  }

  /** @throws Error where an answer is not what it should be */
  async run(target: Target, scenario: Scenario, requests = scenario.requests): Promise<Outcome> {
    this.#process.send(jobOf(target, scenario, requests))
    const [outcome] = (await Promise.race([once(this.#process, 'message'), this.#ended])) as [Outcome]
    if (outcome.faults > 0) {
      throw new Error(`${target.name}, ${scenario.id}: ${outcome.faults} bad answers: ${outcome.firstFault}`)
    }
    return outcome
  }

  stop(): void {
    this.#process.kill()
  }
}

function jobOf(target: Target, scenario: Scenario, requests: number): Job {
  return {
    ...target.request(scenario),
    body: requestBody(scenario),
    requests,
    concurrency: Math.min(scenario.concurrency, requests),
    readRate: scenario.readRate,
    skippedDelays: scenario.concurrency > 100 ? 40 : 0,
    expect: target.translates ? translated(scenario) : { bytes: bytesOf(scenario) },
  }
}

function translated({ delivery }: Scenario): Job['expect'] {
  return delivery.kind === 'whole' ? {} : { events: delivery.tokens + 1 }
}

/** The length of the provider's own answer. */
function bytesOf({ provider, delivery }: Scenario): number {
  if (delivery.kind === 'whole') return WHOLE_ANSWER.length
  const { head, token, tail } = recordings[provider]
  let bytes = head.length + tail.length
  for (let place = 0; place < delivery.tokens; place++) {
    bytes += token(delivery.kind === 'paced' ? stampedWord() : word(place)).length
  }
  return bytes
}
