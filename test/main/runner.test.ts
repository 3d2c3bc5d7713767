import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const runner = new URL('../support/runner.ts', import.meta.url).href
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdpoint-runner-'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(
    join(folder, 'run.ts'),
    `import { runNamed } from '${runner}'; process.exitCode = await runNamed(import.meta.dirname, process.argv.slice(2))`,
  )
  writeFileSync(
    join(folder, 'race.ts'),
    `import { createFakeIo } from '${new URL('../support/io.ts', import.meta.url).href}'
     export const summary = 'Races.'
     export const guards = [
       { name: 'cas', about: 'Two winners.', file: 'test/support/io.ts', find: "?? '/'", replace: "?? '/removed'" },
     ]
     export async function run({ n = 5, seed, say }) {
       say('racing')
       return { n, seed, violations: createFakeIo().cwd === '/' ? 0 : 3 }
     }`,
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (...args: string[]) =>
  spawnSync(process.execPath, [join(folder, 'run.ts'), ...args], { encoding: 'utf8' })

test('runner - the last line is one JSON object with the name and the fields', () => {
  const { status, stdout, stderr } = run('race', '--n', '7', '--seed', '42', '--json')
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
    name: 'race',
    n: 7,
    seed: 42,
    violations: 0,
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: 'racing\n' })
})

test('runner - a guard is taken away from the source, and violations are exit code 1', () => {
  const { status, stdout } = run('race', '--without', 'cas', '--json')
  expect(status).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({ violations: 3 })
})

test('runner - --list names every run with its guards', () => {
  expect(run('--list')).toMatchObject({ status: 0, stdout: 'race  Races. Guards: cas.\n' })
})

test('runner - of many guards --list says how many there are, and where their names stand', () => {
  const names = Array.from({ length: 9 }, (_, n) => ({ name: `g${n}` }))
  const file = join(folder, 'siege.ts')
  writeFileSync(file, `export const summary = 'Besieges.'; export const guards = ${JSON.stringify(names)}`)
  const { stdout } = run('--list')
  rmSync(file)
  expect(stdout).toBe('race  Races. Guards: cas.\nsiege  Besieges. Guards: 9, see siege --list.\n')
})

test('runner - NAME --list says what each guard protects from, and where it stands', () => {
  expect(run('race', '--list')).toMatchObject({
    status: 0,
    stdout: 'race  Races.\n  cas  Two winners. (test/support/io.ts)\n',
  })
})

test.for([
  [[], '"" is none of them; there is: race'],
  [['rase'], '"rase" is none of them; there is: race'],
  [['../run'], 'is none of them'],
  [['race', '--n', '0'], '--n is 0'],
  [['race', '--n', 'many'], '--n is many'],
  [['race', '--seed', '0.5'], '--seed is 0.5'],
  [['race', '--without', 'luck'], 'race has no guard "luck"; there is: cas'],
  [['race', '--jsn'], '--jsn'],
] as const)('runner - %j is wrong usage', ([args, message]) => {
  const { status, stdout, stderr } = run(...args)
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toContain(message)
})
