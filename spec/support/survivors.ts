/** The environment in which a Node.js process says after each of V8's collections what the old generation holds. */
export function tellingCollections(): Record<string, string> {
  const code = `
    import { constants, PerformanceObserver } from 'node:perf_hooks'
    import { getHeapSpaceStatistics } from 'node:v8'
    const old = () => getHeapSpaceStatistics().find((one) => one.space_name === 'old_space').space_used_size
    new PerformanceObserver((list) => {
      const isMinor = list.getEntries().every(({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MINOR)
      process.stdout.write((isMinor ? 'minor ' : 'major ') + old() + '\\n')
    }).observe({ entryTypes: ['gc'] })`
  return { NODE_OPTIONS: `--import ${asUrl(code)}` }
}

/** How many bytes came to the old generation, by the collections of the young one that the lines tell of. */
export function survivors(lines: string): number {
  const collections = [...lines.matchAll(/^(minor|major) (\d+)$/gm)]
  let bytes = 0
  let before: number | undefined
  for (const [, kind, used] of collections) {
    if (kind === 'minor' && before !== undefined) bytes += Math.max(0, Number(used) - before)
    before = Number(used)
  }
  return bytes
}

function asUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code).replaceAll("'", '%27')}`
}
