import { readFileSync } from 'node:fs'
import path from 'node:path'

export const ROOT = path.resolve(import.meta.dirname, '../..')

/** One instruction: `COPY`, and what follows it. */
export interface Instruction {
  readonly name: string
  readonly text: string
}

/** The instructions of each stage of this repository's Dockerfile, by `FROM`. */
export function dockerStages(): Instruction[][] {
  const stages: Instruction[][] = []
  for (const line of readFileSync(path.join(ROOT, 'Dockerfile'), 'utf8').split('\n')) {
    const [, name, text] = /^([A-Z]+) (.*)$/.exec(line) ?? []
    if (name === undefined || text === undefined) continue
    if (name === 'FROM') stages.push([])
    stages.at(-1)!.push({ name, text })
  }
  return stages
}

export function texts(stage: readonly Instruction[], name: string): string[] {
  return stage.filter((instruction) => instruction.name === name).map(({ text }) => text)
}

/** What a stage copies out of the repository: sources, and the place below the work folder. */
export function copiedFiles(stage: readonly Instruction[]): { sources: string[]; target: string }[] {
  return texts(stage, 'COPY')
    .filter((text) => !text.startsWith('--from'))
    .map((text) => {
      const words = text.split(/\s+/)
      return { sources: words.slice(0, -1), target: words.at(-1)! }
    })
}

/** The words of an exec form: `["node", "dist/lib/cli.js"]`. */
export function execForm(text: string): string[] {
  return JSON.parse(text) as string[]
}
