import { readdirSync, readFileSync } from 'node:fs'

/*
 * What the operating system says of a process and its children. Linux only: https://man7.org/linux/man-pages/man5/proc.5.html
 * A process or thread may end between two reads: it counts as nothing.
 */

/**
 * CPU time of the living threads of a process and its children so far, user and system. Seconds, to the nanosecond: a process's own
 * account (`stat`) goes in steps of a clock tick, which are a tenth of what some rounds take.
 */
export function cpuSeconds(pid: number): number {
  return family(pid).reduce((sum, one) => sum + cpuNanoseconds(one), 0) / 1e9
}

/** Resident memory of a process and its children. Bytes. */
export function residentBytes(pid: number): number {
  return family(pid).reduce((sum, one) => {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(
      ofLiving(() => readFileSync(`/proc/${one}/status`, 'utf8')) ?? '',
    )
    return sum + Number(line?.[1] ?? 0) * 1024
  }, 0)
}

function cpuNanoseconds(pid: number): number {
  return threads(pid).reduce((sum, thread) => {
    // Its first field: https://docs.kernel.org/scheduler/sched-stats.html
    const spent = ofLiving(() => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1'))
    return sum + (spent === undefined ? 0 : Number(spent.split(' ')[0]))
  }, 0)
}

function family(pid: number): number[] {
  const children = threads(pid).flatMap((thread) => {
    const ids = ofLiving(() => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')) ?? ''
    return ids.split(' ').filter(Boolean).map(Number)
  })
  return [pid, ...children.flatMap(family)]
}

function threads(pid: number): string[] {
  return ofLiving(() => readdirSync(`/proc/${pid}/task`)) ?? []
}

/** Of an open file of a process that has ended, a read says ESRCH. */
const GONE = new Set(['ENOENT', 'ESRCH'])

/** @returns `undefined` where the process is gone */
function ofLiving<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (GONE.has((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
