import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { runProgram } from '#runtime'
import { createStore, readMigrations, schemaCommands } from '#store'
import { createFakeIo } from '../support/io.ts'
import { clientOf, emptyDatabase, type RunningEngine, startEngine } from './engine-fixture.ts'

let running: RunningEngine
let cwd: string
beforeAll(async () => {
  running = await startEngine()
  cwd = await mkdtemp(join(tmpdir(), 'holdpoint-schema-'))
}, 60_000)
beforeEach(() => emptyDatabase(running.engine.writer))
afterAll(async () => {
  await running.stop()
  await rm(cwd, { recursive: true, force: true })
})

async function run(args: string[], more: NodeJS.ProcessEnv = {}) {
  const { url, user, password, database } = running.engine.writer
  const configured = {
    HOLDPOINT_CLICKHOUSE_URL: url,
    HOLDPOINT_CLICKHOUSE_USER: user,
    HOLDPOINT_CLICKHOUSE_PASSWORD: password,
    HOLDPOINT_CLICKHOUSE_DATABASE: database,
  }
  const io = createFakeIo({ cwd, env: { ...configured, ...more } })
  const program = { name: 'holdpoint', version: '0', summary: '', commands: schemaCommands }
  const code = await runProgram(program, ['schema', ...args], io)
  return { code, stdout: io.out(), stderr: io.err() }
}
const names = async () => (await readMigrations()).map(({ name }) => name)

test('schema command - an empty store is behind, migrates, and is current', async () => {
  const all = await names()
  const before = await run(['status'])
  expect(before.code).toBe(1)
  expect(before.stdout).toBe(
    `${all.map((name) => `missing  ${name}`).join('\n')}\nThe schema is behind: run \`holdpoint schema migrate\`.\n`,
  )
  expect(await run(['migrate'])).toEqual({
    code: 0,
    stdout: all.map((name) => `${name}\n`).join(''),
    stderr: '',
  })
  expect(await run(['migrate', '--json'])).toMatchObject({ code: 0, stdout: '{"applied":[],"altered":[]}\n' })
  const after = await run(['status', '--json'])
  expect(after.code).toBe(0)
  expect(JSON.parse(after.stdout)).toEqual({ isCurrent: true, applied: all, missing: [], alterations: [] })
})

test('schema command - an end that is configured and not yet there makes the schema one that is behind', async () => {
  await run(['migrate'])
  const days = { HOLDPOINT_CLICKHOUSE_TTL_DAYS_LOGS: '7' }
  expect(await run(['status'], days)).toMatchObject({
    code: 1,
    stdout: expect.stringContaining(
      'to run   ALTER TABLE otel_logs MODIFY TTL toDateTime(Timestamp) + toIntervalDay(7)',
    ),
  })
  expect(await run(['migrate'], days)).toMatchObject({
    code: 0,
    stdout: 'ALTER TABLE otel_logs MODIFY TTL toDateTime(Timestamp) + toIntervalDay(7)\n',
  })
  expect(await run(['migrate'], days)).toMatchObject({ code: 0, stdout: 'The schema is current already.\n' })
  expect((await run(['status'], days)).code).toBe(0)
})

test('schema command - who runs by hand what is printed has a schema that is current, and may run it again', async () => {
  const { stdout } = await run(['print'], { HOLDPOINT_CLICKHOUSE_TTL_DAYS_LOGS: '7' })
  const statements = stdout.replaceAll(/^--.*\n/gm, '').split(/;\n/)
  const client = clientOf(running.engine.writer)
  for (let round = 0; round < 2; round++)
    // The embedded engine has its database, and no other may be made in it.
    for (const query of statements.map((one) => one.trim()))
      if (query !== '' && !/^(USE|CREATE DATABASE) /.test(query)) await client.command({ query })
  await client.close()
  expect(await run(['status'], { HOLDPOINT_CLICKHOUSE_TTL_DAYS_LOGS: '7' })).toMatchObject({ code: 0 })
})

test('schema command - for a cluster everything goes to all of it', async () => {
  const { code, stdout } = await run(['print', '--cluster', 'main'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^CREATE DATABASE IF NOT EXISTS `holdpoint` ON CLUSTER `main`;\nUSE `holdpoint`;\n/)
  const creating = stdout.split(';\n').filter((one) => /CREATE|ALTER/.test(one))
  for (const statement of creating) expect(statement).toContain('ON CLUSTER `main`')
  expect(stdout).toContain('replicated_deduplication_window_seconds = 604800')
})

test('schema command - a pipeline that may create nothing starts on what another user made', async () => {
  await run(['migrate'])
  const reader = createStore(running.engine.reader)
  expect(await reader.migrate()).toEqual([])
  await reader.close()
})

const refused: Record<string, [args: string[], env: NodeJS.ProcessEnv, message: RegExp]> = {
  'a name that is SQL': [['print', '--cluster', 'a` DROP'], {}, /^INVALID_INPUT: --cluster "a` DROP"/],
  'to migrate without a server': [
    ['migrate'],
    { HOLDPOINT_CLICKHOUSE_URL: undefined },
    /^INVALID_CONFIG: clickhouse\.url .*is missing/,
  ],
  'a store that has gone': [['status'], { HOLDPOINT_CLICKHOUSE_URL: 'http://127.0.0.1:1' }, /^UNAVAILABLE: /],
  'a cluster that is not there': [
    ['migrate'],
    { HOLDPOINT_CLICKHOUSE_CLUSTER: 'main' },
    /^INVALID_CONFIG: clickhouse\.cluster is main/,
  ],
}
for (const [what, [args, env, message]] of Object.entries(refused))
  test(`schema command - refused: ${what}`, async () => {
    const { code, stderr } = await run(args, env)
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
  })

test('schema command - the embedded engine that runs is looked at where no server is configured', async () => {
  await writeFile(
    join(cwd, 'runtime.json'),
    JSON.stringify({ pid: process.pid, clickhouse: running.engine.reader }),
  )
  const nowhere = { HOLDPOINT_CLICKHOUSE_URL: undefined }
  expect((await run(['status', '--data', cwd], nowhere)).code).toBe(1)
  await run(['migrate'])
  expect((await run(['status', '--data', cwd], nowhere)).code).toBe(0)
})
