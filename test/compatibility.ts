// `npm run compatibility`: runs the contracts of all instrumentations and writes down what they found, for
// docs/compatibility.md and the agent's package. `--collect` takes what earlier runs have left instead.
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readRuns, SNAPSHOT, snapshotOf } from './support/instrumentation/compatibility.ts'
import { MATRIX_DIR } from './support/instrumentation/matrix.ts'

const root = resolve(import.meta.dirname, '..')
const run = (...args: string[]): number =>
  spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, HOLDPOINT_COMPATIBILITY: 'write' },
  }).status ?? 1

if (!process.argv.includes('--collect')) {
  // What a framework that is gone has left would stay for ever.
  rmSync(MATRIX_DIR, { recursive: true, force: true })
  process.exitCode = run(join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/instrumentation')
}
if (!process.exitCode) {
  writeFileSync(SNAPSHOT, snapshotOf(readRuns()))
  process.exitCode = run(join(root, 'test/generated.ts'), '--write')
}
