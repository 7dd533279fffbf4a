import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

interface Locked {
  license?: string
  integrity?: string
  /** Where it came from, if npm was told to write that down. */
  resolved?: string
  dev?: boolean
  link?: boolean
  hasInstallScript?: boolean
}

const read = (file: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'))
const { scripts, dependencies } = read('package.json') as Record<string, Record<string, string>>
const { packages } = read('package-lock.json') as { packages: Record<string, Locked> }
const installed = Object.entries(packages).filter(([place]) => place !== '')
const named = (entries: typeof installed) => entries.map(([place]) => place)

const PERMISSIVE = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'Unlicense'])

describe('what is installed', () => {
  it('runs no script of ours', () => {
    const ofAnInstall = /^(?:(?:pre|post)?(?:install|prepare)|prepublish)$/
    expect(Object.keys(scripts!).filter((name) => ofAnInstall.test(name))).toEqual([])
  })

  it('runs no script of anybody', () => {
    expect(named(installed.filter(([, { hasInstallScript }]) => hasInstallScript === true))).toEqual([])
  })

  it('is what was locked, byte by byte', () => {
    expect(named(installed.filter(([, { integrity, link }]) => !integrity && !link))).toEqual([])
  })

  it('comes from whichever registry is configured: the lock file names none', () => {
    expect(named(installed.filter(([, { resolved, link }]) => resolved !== undefined && !link))).toEqual([])
  })

  it('may be used by anybody, in whatever they build', () => {
    const shipped = installed.filter(([, { dev }]) => !dev)
    expect(named(shipped.filter(([, { license }]) => !PERMISSIVE.has(license ?? '')))).toEqual([])
  })

  it('is little', () => {
    expect(Object.keys(dependencies!).length).toBeLessThanOrEqual(12)
  })
})
