import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/*
 * What the operating system says of a process and its children. Linux only: https://man7.org/linux/man-pages/man5/proc.5.html
 */

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** CPU time of a process and its living children so far, user and system. Seconds, in steps of a clock tick. */
export function cpuSeconds(pid: number): number {
  return family(pid).reduce((sum, one) => sum + cpuTicks(one), 0) / TICKS_PER_SECOND
}

/** Resident memory of a process and its children. Bytes. */
export function residentBytes(pid: number): number {
  return family(pid).reduce((sum, one) => {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${one}/status`, 'utf8'))
    return sum + Number(line?.[1] ?? 0) * 1024
  }, 0)
}

function cpuTicks(pid: number): number {
  // The name in brackets may hold anything: fields are counted from behind it. 11 and 12 there are utime and stime.
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

function family(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(family)]
}
