import { parseArgs } from 'node:util'
import { scenarios, type Scenario } from './scenarios.js'
import { targets, type TargetName } from './targets.js'

export interface BenchOptions {
  readonly scenarios: readonly Scenario[]
  /** `node-pipe` is always among them: it is what the others are compared with. */
  readonly targets: readonly TargetName[]
  readonly rounds: number
  readonly baseline: string | undefined
  readonly json: string | undefined
  readonly profiles: string | undefined
}

export const USAGE = `usage: npm run bench -- [options]

  --only a,b1        scenarios (all by default): ${scenarios.map(({ id }) => id).join(', ')}
  --targets x,y      ${Object.keys(targets).join(', ')} (default: node-pipe,gateway,relay)
  --rounds N         rounds, in each of which every target has its turn (default 5)
  --baseline DIR     another build of this project, for the target 'baseline'
  --json FILE        write the numbers of every round
  --profiles DIR     write CPU profiles of gateway and relay (no numbers to be trusted then)
`

/** @throws Error saying what is wrong */
export function parseArguments(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      targets: { type: 'string', default: 'node-pipe,gateway,relay' },
      rounds: { type: 'string', default: '5' },
      baseline: { type: 'string' },
      json: { type: 'string' },
      profiles: { type: 'string' },
    },
  })
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds: '${values.rounds}' is not a number of rounds`)
  const chosen = listed(values.targets, Object.keys(targets), '--targets') as TargetName[]
  const ids = scenarios.map(({ id }) => id)
  const only = values.only === undefined ? ids : listed(values.only, ids, '--only')
  return {
    scenarios: scenarios.filter(({ id }) => only.includes(id)),
    targets: [...new Set<TargetName>(['node-pipe', ...chosen])],
    rounds,
    baseline: values.baseline,
    json: values.json,
    profiles: values.profiles,
  }
}

function listed(text: string, known: readonly string[], flag: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`${flag}: '${unknown}' is none of ${known.join(', ')}`)
  return names
}
