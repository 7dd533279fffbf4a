import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const SCRIPT = fileURLToPath(new URL('../../scripts/setup.mjs', import.meta.url))

/**
 * Installs a compiler that copies `lib/` to its `--outDir`. Both fail where the project has a file `broken`; where it
 * has a file `deadly`, npm kills who called it.
 */
const NPM = `#!${process.execPath}
const { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } = require('node:fs')
appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n')
console.log('npm chatter')
if (existsSync('broken')) process.exit(1)
if (existsSync('deadly')) process.exit(process.kill(process.ppid, 'SIGKILL'))
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
rmSync('node_modules', { recursive: true, force: true })
mkdirSync('node_modules/.bin', { recursive: true })
writeFileSync('node_modules/.bin/tsc', ${JSON.stringify(`#!${process.execPath}
const { appendFileSync, cpSync, existsSync } = require('node:fs')
appendFileSync('tsc.log', process.argv.slice(2).join(' ') + '\\n')
console.log('tsc chatter')
if (existsSync('broken')) process.exit(2)
cpSync('lib', process.argv.at(-1) + '/lib', { recursive: true })
`)}, { mode: 0o755 })
`

/** Of the build's last step, which runs in what tsc wrote. */
const PRECOMPILE = "require('node:fs').writeFileSync(__dirname + '/compiled', '')"

const LOCKFILE = {
  packages: {
    '': { name: 'project' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/for-another-system': { version: '1.0.0', optional: true },
  },
}

describe('scripts/setup.mjs', () => {
  let project: string

  beforeEach(async () => {
    project = await mkdtemp(join(tmpdir(), 'kong-ai-setup-spec-'))
    for (const folder of ['bin', 'lib/commands', 'lib/inner', 'scripts'])
      await mkdir(join(project, folder), { recursive: true })
    await cp(SCRIPT, join(project, 'scripts/setup.mjs'))
    await writeFile(join(project, 'bin/npm'), NPM, { mode: 0o755 })
    await write('package.json', '{}')
    await write('package-lock.json', JSON.stringify(LOCKFILE))
    await write('tsconfig.build.json', '{}')
    await write('lib/a.ts', 'a')
    await write('lib/inner/b.ts', 'b')
    await write('lib/commands/precompile.js', PRECOMPILE)
  })

  afterEach(() => rm(project, { recursive: true }))

  const write = (path: string, content: string) => writeFile(join(project, path), content)
  const exists = (path: string) =>
    readFile(join(project, path)).then(
      () => true,
      () => false,
    )
  const runs = async (program: 'npm' | 'tsc') =>
    (await exists(`${program}.log`))
      ? (await readFile(join(project, `${program}.log`), 'utf8')).trim().split('\n')
      : []

  async function setup(cwd = project) {
    const PATH = [join(project, 'bin'), dirname(process.execPath)].join(delimiter)
    const child = spawn(process.execPath, [join(project, 'scripts/setup.mjs')], {
      cwd,
      env: { ...process.env, PATH },
    })
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    return { status: child.exitCode, output: out + err }
  }

  it('installs and builds a fresh checkout, and says so in a line each', async () => {
    expect(await setup()).toEqual({
      status: 0,
      output: 'kong-ai: installing dependencies (npm ci)\nkong-ai: building\n',
    })
    expect(await runs('npm')).toEqual(['ci --include=dev --no-audit --no-fund --loglevel=error'])
    expect(await exists('dist/lib/inner/b.ts')).toBe(true)
    expect(await exists('dist/lib/commands/compiled')).toBe(true)
    expect(await readdir(project)).toEqual(expect.not.arrayContaining(['dist.next', 'dist.last']))
  })

  it('does nothing and says nothing when nothing changed, whatever the working directory', async () => {
    await setup()
    expect(await setup(tmpdir())).toEqual({ status: 0, output: '' })
    expect(await runs('npm')).toHaveLength(1)
    expect(await runs('tsc')).toHaveLength(1)
  })

  it('installs anew, and builds with the new compiler, when package-lock.json changed', async () => {
    await setup()
    await write('package-lock.json', JSON.stringify({ packages: { 'node_modules/a': { version: '2.0.0' } } }))
    await setup()
    expect(await runs('npm')).toHaveLength(2)
    expect(await runs('tsc')).toHaveLength(2)
  })

  it('installs anew when node_modules is gone', async () => {
    await setup()
    await rm(join(project, 'node_modules'), { recursive: true })
    await setup()
    expect(await runs('npm')).toHaveLength(2)
    expect(await runs('tsc')).toHaveLength(1)
  })

  it('takes what somebody installed with npm, if it is what package-lock.json asks for', async () => {
    await setup()
    await rm(join(project, 'node_modules/.kong-ai-setup'))
    await write('node_modules/.package-lock.json', '{"packages":{"node_modules/a":{"version":"1.0.0"}}}')
    await setup()
    expect(await runs('npm')).toHaveLength(1)

    await rm(join(project, 'node_modules/.kong-ai-setup'))
    await write('node_modules/.package-lock.json', '{"packages":{"node_modules/a":{"version":"0.9.0"}}}')
    await setup()
    expect(await runs('npm')).toHaveLength(2)
  })

  it('builds when a source changed, was added or was removed, and leaves nothing stale', async () => {
    await setup()
    await appendFile(join(project, 'lib/a.ts'), ' changed')
    expect((await setup()).output).toBe('kong-ai: building\n')
    expect(await readFile(join(project, 'dist/lib/a.ts'), 'utf8')).toBe('a changed')

    await mkdir(join(project, 'plugins'))
    await write('plugins/c.ts', 'c')
    expect((await setup()).output).toBe('kong-ai: building\n')

    await rm(join(project, 'lib/inner/b.ts'))
    expect((await setup()).output).toBe('kong-ai: building\n')
    expect(await exists('dist/lib/inner/b.ts')).toBe(false)
    expect(await runs('npm')).toHaveLength(1)
  })

  it('builds when the settings of the compiler changed', async () => {
    await setup()
    await write('tsconfig.json', '{}')
    expect((await setup()).output).toBe('kong-ai: building\n')
  })

  it('shows why a build failed, keeps the last good one, and builds again next time', async () => {
    await setup()
    await write('lib/a.ts', 'wrong')
    await write('broken', '')
    const failed = await setup()
    expect(failed.status).toBe(1)
    expect(failed.output).toContain('tsc chatter')
    expect(await readFile(join(project, 'dist/lib/a.ts'), 'utf8')).toBe('a')

    await rm(join(project, 'broken'))
    expect((await setup()).status).toBe(0)
    expect(await readFile(join(project, 'dist/lib/a.ts'), 'utf8')).toBe('wrong')
  })

  it('shows why the last step of the build failed, keeps the last good one, and builds again next time', async () => {
    await setup()
    await write('lib/a.ts', 'newer')
    await write('lib/commands/precompile.js', "throw new Error('no such schema')")
    const failed = await setup()
    expect(failed.status).toBe(1)
    expect(failed.output).toContain('no such schema')
    expect(await readFile(join(project, 'dist/lib/a.ts'), 'utf8')).toBe('a')

    await write('lib/commands/precompile.js', PRECOMPILE)
    expect((await setup()).status).toBe(0)
    expect(await readFile(join(project, 'dist/lib/a.ts'), 'utf8')).toBe('newer')
  })

  it('shows why an installation failed, and tries again next time', async () => {
    await write('broken', '')
    const failed = await setup()
    expect(failed.status).toBe(1)
    expect(failed.output).toContain('npm chatter')
    await rm(join(project, 'broken'))
    expect((await setup()).status).toBe(0)
  })

  it('does the work once when several start at the same time', async () => {
    const results = await Promise.all([setup(), setup(), setup()])
    expect(results.map(({ status }) => status)).toEqual([0, 0, 0])
    expect(await runs('npm')).toHaveLength(1)
    expect(await runs('tsc')).toHaveLength(1)
  })

  it('is not held up by a run that was killed', async () => {
    await write('deadly', '')
    expect((await setup()).status).not.toBe(0)
    await rm(join(project, 'deadly'))
    expect((await setup()).status).toBe(0)
    expect(await exists('dist/lib/a.ts')).toBe(true)
  })
})
