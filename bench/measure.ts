import { cpuSeconds, residentBytes } from './accounting.js'
import type { BenchOptions } from './arguments.js'
import type { LoadClient } from './load.js'
import type { Scenario } from './scenarios.js'
import { percentile } from './stats.js'
import { targets, type Target, type TargetName, type TargetOptions } from './targets.js'

/** What one target did in one round. */
export interface Sample {
  readonly round: number
  /** Of the target's process and its children. */
  readonly cpuSeconds: number
  /** How much the target's memory grew at most: since it was idle, but for `streams` since it had answered one request. Bytes. */
  readonly grownBytes: number
  /** Microseconds. */
  readonly firstTokenP50: number
  readonly delayP50: number
  readonly delayP99: number
}

/** All rounds of one scenario. */
export interface Result {
  readonly scenario: Scenario
  readonly samples: ReadonlyMap<TargetName, readonly Sample[]>
}

const MEMORY_EVERY_MS = 50
/** Until the compiler has settled, before the first round: compilations of its own are seen for ten seconds of a paced load. */
const WARM_UP_MS = 12_000
const SETTLE_MS = 300

/** Runs the scenarios, the targets of each taking turns. */
export async function measure(
  options: BenchOptions,
  setting: TargetOptions,
  client: LoadClient,
  say: (line: string) => void,
): Promise<Result[]> {
  const results: Result[] = []
  for (const scenario of options.scenarios) {
    say(`${scenario.id}: ${scenario.title}`)
    try {
      results.push({ scenario, samples: await compare(scenario, options, setting, client) })
    } catch (error) {
      // The others are still worth having.
      say(`${scenario.id} failed: ${(error as Error).message}`)
      process.exitCode = 1
    }
  }
  return results
}

async function compare(
  scenario: Scenario,
  options: BenchOptions,
  setting: TargetOptions,
  client: LoadClient,
): Promise<Map<TargetName, Sample[]>> {
  const samples = new Map(options.targets.map((name): [TargetName, Sample[]] => [name, []]))
  const started: Target[] = []
  const start = async (name: TargetName): Promise<Target> => {
    const target = await targets[name](setting)
    started.push(target)
    return target
  }
  try {
    if (!scenario.fresh) {
      for (const name of options.targets) await warmUp(await start(name), scenario, client)
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const name of turned(options.targets, round)) {
        const target = started.find((one) => one.name === name) ?? (await start(name))
        // What the first request of all loads is no part of a stream.
        if (scenario.measures === 'streams') await client.run(target, scenario, 1)
        samples.get(name)!.push(await sample(target, scenario, client, round))
        if (scenario.fresh) await started.pop()!.stop()
      }
    }
  } finally {
    for (const target of started) await target.stop()
  }
  return samples
}

async function warmUp(target: Target, scenario: Scenario, client: LoadClient): Promise<void> {
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end;)
    await client.run(target, scenario)
}

/** Everybody is first in some round. */
function turned<T>(all: readonly T[], round: number): T[] {
  const first = round % all.length
  return [...all.slice(first), ...all.slice(0, first)]
}

async function sample(
  { pid, ...target }: Target,
  scenario: Scenario,
  client: LoadClient,
  round: number,
): Promise<Sample> {
  // What the last turn left behind is done before this one begins.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  const before = pid === undefined ? 0 : residentBytes(pid)
  let peak = before
  const watch = setInterval(() => {
    if (pid !== undefined) peak = Math.max(peak, residentBytes(pid))
  }, MEMORY_EVERY_MS)
  const cpuBefore = pid === undefined ? 0 : cpuSeconds(pid)
  const outcome = await client.run(target, scenario)
  const cpu = pid === undefined ? 0 : cpuSeconds(pid) - cpuBefore
  clearInterval(watch)
  return {
    round,
    cpuSeconds: cpu,
    grownBytes: peak - before,
    firstTokenP50: percentile(outcome.firstTokens, 0.5),
    delayP50: percentile(outcome.delays, 0.5),
    delayP99: percentile(outcome.delays, 0.99),
  }
}
