import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/*
 * What the operating system says of a process and its children. Linux only: https://man7.org/linux/man-pages/man5/proc.5.html
 * A process or thread may end between two reads: it counts as nothing.
 */

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** CPU time of a process and its living children so far, user and system. Seconds, in steps of a clock tick. */
export function cpuSeconds(pid: number): number {
  return family(pid).reduce((sum, one) => sum + cpuTicks(one), 0) / TICKS_PER_SECOND
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

function cpuTicks(pid: number): number {
  // The name in brackets may hold anything: fields are counted from behind it. 11 and 12 there are utime and stime.
  const stat = ofLiving(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  if (stat === undefined) return 0
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

function family(pid: number): number[] {
  const threads = ofLiving(() => readdirSync(`/proc/${pid}/task`)) ?? []
  const children = threads.flatMap((thread) => {
    const ids = ofLiving(() => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')) ?? ''
    return ids.split(' ').filter(Boolean).map(Number)
  })
  return [pid, ...children.flatMap(family)]
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
