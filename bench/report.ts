import { availableParallelism, cpus, totalmem } from 'node:os'
import type { Result, Sample } from './measure.js'
import type { Measure, Scenario } from './scenarios.js'
import { spread, type Spread } from './stats.js'
import type { TargetName } from './targets.js'

interface Cell {
  readonly target: TargetName
  /** To `node-pipe` of the same round; absent for `direct`, where there is nothing to compare. */
  readonly ratio?: Spread
  /** In the unit of the measure. */
  readonly value: Spread
}

interface Row {
  readonly scenario: string
  readonly title: string
  readonly measure: string
  readonly goal: number
  readonly cells: readonly Cell[]
}

/** How a sample's number is got, by measure. */
const METRICS: Readonly<
  Record<Measure, readonly (readonly [string, (sample: Sample, of: Scenario) => number])[]>
> = {
  cpu: [['CPU per request, µs', ({ cpuSeconds }, { requests }) => (cpuSeconds * 1e6) / requests]],
  latency: [
    ['frame delay p99, µs', ({ delayP99 }) => delayP99],
    ['first token p50, µs', ({ firstTokenP50 }) => firstTokenP50],
  ],
  streams: [
    ['frame delay p99, µs', ({ delayP99 }) => delayP99],
    ['memory per stream, kB', ({ grownBytes }, { concurrency }) => grownBytes / concurrency / 1024],
  ],
  memory: [['memory growth, MB', ({ grownBytes }) => grownBytes / 1024 / 1024]],
}

export function report(results: readonly Result[]): { table: string; json: object } {
  const rows = results.flatMap(rowsOf)
  const machine = {
    date: new Date().toISOString(),
    node: process.version,
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  }
  const { date, node, cores, cpu, memoryGiB } = machine
  const where = `${date.slice(0, 10)}, Node ${node}, ${cores} cores (${cpu}), ${memoryGiB} GiB`
  const samples = results.map((result) => ({
    scenario: result.scenario.id,
    ...Object.fromEntries(result.samples),
  }))
  return { table: `${where}\n\n${tableOf(rows)}\n`, json: { machine, rows, samples } }
}

function rowsOf({ scenario, samples }: Result): Row[] {
  return METRICS[scenario.measures].map(([measure, metric]) => {
    const values = new Map(
      [...samples].map(([target, all]) => [target, all.map((one) => metric(one, scenario))]),
    )
    const base = values.get('node-pipe')!
    const cells = [...values].map(([target, all]): Cell => {
      const value = spread(all)
      return target === 'direct' && (scenario.measures === 'cpu' || scenario.measures === 'memory')
        ? { target, value }
        : { target, value, ratio: spread(all.map((one, round) => one / base[round]!)) }
    })
    return { scenario: scenario.id, title: scenario.title, measure, goal: scenario.goal, cells }
  })
}

/** As Markdown: the median of the ratios, their range, and in brackets the median itself. */
function tableOf(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap(({ cells }) => cells.map(({ target }) => target)))]
  const lines = [
    ['', 'scenario', 'measure', ...names, 'goal'],
    ['---', '---', '---', ...names.map(() => '---'), '---'],
    ...rows.map(({ scenario, title, measure, cells, goal }) => [
      scenario,
      title,
      measure,
      ...names.map((name) => cellText(cells.find(({ target }) => target === name))),
      `≤ ${goal}`,
    ]),
  ]
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
}

function cellText(cell: Cell | undefined): string {
  if (cell === undefined) return ''
  const value = short(cell.value.median)
  if (cell.target === 'node-pipe' || cell.ratio === undefined) return value
  const { median: middle, min, max } = cell.ratio
  return `**${middle.toFixed(2)}** (${min.toFixed(2)}–${max.toFixed(2)}; ${value})`
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1)
}
