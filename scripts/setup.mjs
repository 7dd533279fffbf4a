// Makes a checkout ready to run: installs the dependencies and builds, each only if something changed since the last
// time. `npm start` and `npm test` run it first, so it needs nothing but Node, says one line per step and shows the
// output of what it runs only if that fails.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE = [20, 19]
const LOCK_POLL_MS = 100

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const installStamp = join(root, 'node_modules', '.kong-ai-setup')
const buildStamp = join(root, 'dist', '.kong-ai-setup')
const lock = join(tmpdir(), `kong-ai-setup-${hash(root).slice(0, 16)}.lock`)

checkNode()
if (!isReady()) {
  await takeLock()
  try {
    install()
    build()
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  } finally {
    rmSync(lock, { force: true })
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return
  console.error(`kong-ai needs Node.js ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

function isReady() {
  return read(installStamp) === lockfileHash() && read(buildStamp) === sourcesHash()
}

function install() {
  if (read(installStamp) === lockfileHash()) return
  if (!isInstalledByHand()) {
    console.error('kong-ai: installing dependencies (npm ci)')
    run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'])
  }
  writeWhole(installStamp, lockfileHash())
}

/** Builds beside `dist` and then takes its place: nothing stale stays, and a failed build changes nothing. */
function build() {
  const sources = sourcesHash()
  if (read(buildStamp) === sources) return
  console.error('kong-ai: building')
  const next = join(root, 'dist.next')
  const last = join(root, 'dist.last')
  rmSync(next, { recursive: true, force: true })
  try {
    run(join(root, 'node_modules', '.bin', 'tsc'), ['-p', 'tsconfig.build.json', '--outDir', next])
    mkdirSync(next, { recursive: true })
    run(process.execPath, [join(next, 'lib', 'commands', 'precompile.js')])
    makeExecutable(next)
    writeFileSync(join(next, '.kong-ai-setup'), sources)
    moveIfThere(join(root, 'dist'), last)
    renameSync(next, join(root, 'dist'))
  } finally {
    for (const folder of [next, last]) rmSync(folder, { recursive: true, force: true })
  }
}

/** npm does so when it installs, which is before there is anything to run: `npx kong-ai` needs it. */
function makeExecutable(folder) {
  const { bin = {} } = JSON.parse(read(join(root, 'package.json')) ?? '{}')
  for (const file of Object.values(bin)) chmodSync(join(folder, file.replace(/^dist\//, '')), 0o755)
}

function lockfileHash() {
  return hash(read(join(root, 'package-lock.json')) ?? '')
}

/** Of path, size and time of every file that the build depends on, and of the installed compiler. */
function sourcesHash() {
  const settings = readdirSync(root).filter(
    (name) => name === 'package.json' || /^tsconfig.*\.json$/.test(name),
  )
  const files = [...settings, ...filesBelow('lib'), ...filesBelow('plugins')].sort(byText)
  const states = files.map((file) => {
    const { size, mtimeMs } = statSync(join(root, file))
    return `${file} ${size} ${mtimeMs}`
  })
  return hash([lockfileHash(), ...states].join('\n'))
}

function byText(a, b) {
  return a < b ? -1 : 1
}

function filesBelow(folder) {
  return entriesOf(folder).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}

function entriesOf(folder) {
  try {
    return readdirSync(join(root, folder), { withFileTypes: true })
  } catch {
    return []
  }
}

/** Whether npm's own record of node_modules has all that package-lock.json asks for, in the same versions. */
function isInstalledByHand() {
  const wanted = packagesIn(join(root, 'package-lock.json'))
  const installed = packagesIn(join(root, 'node_modules', '.package-lock.json'))
  if (!wanted || !installed) return false
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true
    return installed[path] ? installed[path].version === version : optional === true
  })
}

function packagesIn(file) {
  const text = read(file)
  return text === undefined ? undefined : JSON.parse(text).packages
}

/** Runs a program; throws with its output if it fails. */
function run(program, args) {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: Infinity,
    shell: process.platform === 'win32',
  })
  if (error) throw new Error(`kong-ai: cannot run ${program}: ${error.message}`)
  if (status !== 0) throw new Error(`${stdout}${stderr}\nkong-ai: ${basename(program)} failed`)
}

/** One set-up of this folder at a time. The lock of a process that is no more is removed. */
async function takeLock() {
  const mine = `${lock}.${process.pid}`
  writeFileSync(mine, String(process.pid))
  try {
    while (!link(mine, lock)) {
      const holder = Number(read(lock))
      if (holder > 0 && !isAlive(holder) && Number(read(lock)) === holder) rmSync(lock, { force: true })
      else await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS))
    }
  } finally {
    rmSync(mine)
  }
}

function link(from, to) {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function moveIfThere(from, to) {
  try {
    renameSync(from, to)
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
}

function writeWhole(path, text) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.${process.pid}`, text)
  renameSync(`${path}.${process.pid}`, path)
}

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function hash(text) {
  return createHash('sha256').update(text).digest('hex')
}
