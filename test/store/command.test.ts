import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runProgram } from '#runtime'
import { printTable, sqlCommand } from '#store'
import { clientOf, type RunningEngine, startEngine } from './engine-fixture.ts'

let running: RunningEngine
let cwd: string
beforeAll(async () => {
  running = await startEngine()
  cwd = await mkdtemp(join(tmpdir(), 'holdpoint-sql-'))
  await writeFile(
    join(cwd, 'runtime.json'),
    JSON.stringify({ pid: process.pid, clickhouse: running.engine.reader }),
  )
  const client = clientOf(running.engine.writer)
  await client.command({ query: 'CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a' })
  await client.insert({
    table: 't',
    values: [
      [1, 'one'],
      [20, 'evil \u001b[2J'],
    ],
    format: 'JSONCompactEachRow',
  })
  await client.close()
}, 30_000)
afterAll(async () => {
  await running.stop()
  await rm(cwd, { recursive: true, force: true })
})

async function run(
  args: string[],
  { stdin = '', env = { HOLDPOINT_DATA_DIR: cwd } as NodeJS.ProcessEnv } = {},
) {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const io = {
    stdout,
    stderr,
    stdin: Readable.from([stdin]),
    env,
    cwd,
    now: () => 0,
    signal: new AbortController().signal,
  }
  const program = { name: 'holdpoint', version: '0', summary: '', commands: [sqlCommand] }
  const code = await runProgram(program, ['sql', ...args], io)
  stdout.end()
  stderr.end()
  return { code, stdout: await text(stdout), stderr: await text(stderr) }
}

test('sql - a table for people, with nothing in it that steers a terminal', async () => {
  expect(await run(['SELECT a, b FROM t ORDER BY a'])).toEqual({
    code: 0,
    stdout: [' a  b', '──  ─────────', ' 1  one', '20  evil ·[2J', ''].join('\n'),
    stderr: '2 rows\n',
  })
})

test('sql - one JSON object for scripts', async () => {
  const { code, stdout } = await run(['--json', 'SELECT a, b FROM t ORDER BY a LIMIT 1'])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual({ rows: [{ a: 1, b: 'one' }] })
})

test('sql - a format of ClickHouse, by option or in the statement, and SQL from standard input', async () => {
  expect((await run(['--format', 'CSV', 'SELECT a FROM t ORDER BY a;'])).stdout).toBe('1\n20\n')
  expect((await run(['-'], { stdin: 'SELECT a FROM t ORDER BY a FORMAT TSVWithNames\n' })).stdout).toBe(
    'a\n1\n20\n',
  )
})

test('sql - the configured ClickHouse is asked when there is one', async () => {
  const { url, user, password, database } = running.engine.reader
  const env = {
    HOLDPOINT_CLICKHOUSE_URL: url,
    HOLDPOINT_CLICKHOUSE_USER: user,
    HOLDPOINT_CLICKHOUSE_PASSWORD: password,
    HOLDPOINT_CLICKHOUSE_DATABASE: database,
  }
  expect((await run(['--format', 'CSV', 'SELECT count() FROM t'], { env })).stdout).toBe('2\n')
})

const refused: Record<string, [args: string[], message: RegExp]> = {
  'an unknown table': [['SELECT * FROM nowhere'], /^INVALID_INPUT: .*UNKNOWN_TABLE/],
  'a broken statement': [['SELECT (('], /^INVALID_INPUT: .*SYNTAX_ERROR/],
  'a statement that writes': [['DROP TABLE t'], /^INVALID_INPUT: .*READONLY/],
  'a file': [[`SELECT file('/etc/passwd')`], /^INVALID_INPUT: .*ACCESS_DENIED/],
  'a format that is SQL': [
    ['--format', 'CSV INTO OUTFILE', 'SELECT 1'],
    /^INVALID_INPUT: --format "CSV INTO OUTFILE"/,
  ],
  'two forms at once': [['--json', '--format', 'CSV', 'SELECT 1'], /^INVALID_INPUT: --json and --format/],
  'no SQL': [['-'], /^INVALID_INPUT: there is no SQL/],
  'a folder in which nothing runs': [['--data', '/nowhere', 'SELECT 1'], /^NOT_FOUND: .*holdpoint up/],
}
for (const [name, [args, message]] of Object.entries(refused))
  test(`sql - ${name} is refused with code and reason`, async () => {
    const { code, stdout, stderr } = await run(args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(message)
  })

test('sql - a store that has gone is said to be unavailable', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdpoint-sql-'))
  const clickhouse = { ...running.engine.reader, url: 'http://127.0.0.1:1' }
  await writeFile(join(folder, 'runtime.json'), JSON.stringify({ pid: process.pid, clickhouse }))
  expect(await run(['--data', folder, 'SELECT 1'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^UNAVAILABLE: /),
  })
  // Larger than any process id that Linux gives out: `holdpoint up` was killed.
  await writeFile(join(folder, 'runtime.json'), JSON.stringify({ pid: 2 ** 22 + 1, clickhouse }))
  expect(await run(['--data', folder, 'SELECT 1'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^NOT_FOUND: nothing runs from .*holdpoint up/),
  })
  await rm(folder, { recursive: true, force: true })
})

test('table - absent values, lists and long cells', () => {
  const printed = printTable(
    ['name', 'who', 'n'],
    [
      ['x'.repeat(80), ['Ana', 'Bob'], null],
      ['y', [], 3],
    ],
  )
  expect(printed.split('\n')).toEqual([
    `name${' '.repeat(58)}who       n`,
    `${'─'.repeat(60)}  ${'─'.repeat(8)}  ─`,
    `${'x'.repeat(59)}…  Ana, Bob  –`,
    `y${' '.repeat(71)}3`,
    '',
  ])
})
