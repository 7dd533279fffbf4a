/** One sample of a scrape. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A scrape, parsed strictly: a line that the format does not have is an error. https://prometheus.io/docs/instrumenting/exposition_formats/ */
export class Scrape {
  readonly types = new Map<string, string>()
  readonly helps = new Map<string, string>()
  readonly #samples = new Map<string, Sample[]>()

  constructor(text: string) {
    if (!text.endsWith('\n')) throw new Error('the last line has no end')
    for (const line of text.split('\n')) if (line !== '') this.#line(line)
  }

  /** Names as in samples: a histogram's with `_bucket`, `_sum` and `_count`. */
  get names(): string[] {
    return [...this.#samples.keys()]
  }

  samples(name: string): Sample[] {
    return this.#samples.get(name) ?? []
  }

  /** The one sample that has these labels among its own. */
  value(name: string, labels: Record<string, string> = {}): number | undefined {
    const found = this.samples(name).filter((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    if (found.length > 1) throw new Error(`${found.length} samples of ${name}`)
    return found[0]?.value
  }

  #line(line: string): void {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.*)$/.exec(line)
    if (comment) {
      const [, kind, name, rest] = comment
      const table = kind === 'TYPE' ? this.types : this.helps
      if (table.has(name!)) throw new Error(`a second ${kind} of ${name}`)
      table.set(name!, rest!)
      return
    }
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (!sample) throw new Error(`no line of the format: ${line}`)
    const [, name, labels = '', value] = sample
    const family = name!.replace(/_(?:bucket|sum|count)$/, '')
    if (!this.types.has(name!) && !this.types.has(family)) throw new Error(`${name} has no TYPE before it`)
    const samples = this.#samples.get(name!) ?? []
    this.#samples.set(name!, samples)
    samples.push({ labels: labelsOf(labels), value: Number(value!.replace('+Inf', 'Infinity')) })
  }
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  const rest = text.replaceAll(
    /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g,
    (_, name: string, value: string) => {
      labels[name] = value.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))
      return ''
    },
  )
  if (rest !== '') throw new Error(`no labels: ${text}`)
  return labels
}

/** What `/metrics` says now. */
export async function scrape(statusUrl: string): Promise<Scrape> {
  const response = await fetch(`${statusUrl}/metrics`)
  if (!response.headers.get('content-type')?.startsWith('text/plain; version=0.0.4')) {
    throw new Error(`content-type ${response.headers.get('content-type')}`)
  }
  return new Scrape(await response.text())
}
