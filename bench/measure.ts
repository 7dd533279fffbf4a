import { cpuSeconds, residentBytes } from './accounting.js'
import type { BenchOptions } from './arguments.js'
import type { LoadClient } from './load.js'
import { scenarioOf, type Scenario } from './scenarios.js'
import { percentile } from './stats.js'
import { targets, type Target, type TargetName, type TargetOptions } from './targets.js'

/** What one target did in one round. */
export interface Sample {
  readonly round: number
  /** Of the target's process and its children. */
  readonly cpuSeconds: number
  /** How much the target's memory grew at most, since it was idle. Bytes. */
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
/**
 * Until the compiler has settled and the heap has the size that traffic gives it, before a target's first round: by many small requests,
 * so that little is left to compile of what runs once a request, and then by what is measured.
 */
const SMALL_MS = 4000
const WARM_UP_MS = 10_000
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
        if (scenario.measures === 'streams') await warmUp(target, FASTER, client)
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
  await keepBusy(target, SMALL, SMALL_MS, client)
  await keepBusy(target, scenario, WARM_UP_MS, client)
}

/** As often as it goes in that time. */
async function keepBusy(target: Target, scenario: Scenario, ms: number, client: LoadClient): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end;) await client.run(target, scenario)
}

const SMALL = scenarioOf('a')
/** In place of `d`, whose memory is not to be there before it is measured: a tenth of its streams, ten times as fast. */
const FASTER = scenarioOf('b1')

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
