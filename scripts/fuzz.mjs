// `npm run fuzz [RUNS] [SEED]`: the properties of spec/fuzz with many more examples, and new ones each time.
import { spawnSync } from 'node:child_process'

const [runs = '3000', seed = String(Math.floor(Math.random() * 2 ** 31))] = process.argv.slice(2)
console.log(`seed ${seed}: npm run fuzz -- ${runs} ${seed} repeats this run`)
const { status } = spawnSync('npx', ['vitest', 'run', 'spec/fuzz', '--testTimeout', '0'], {
  stdio: 'inherit',
  env: { ...process.env, FUZZ_RUNS: runs, FUZZ_SEED: seed },
})
process.exitCode = status ?? 1
