import { randomUUID } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { ClickHouseError } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { HoldpointError } from '#contract'
import { createEngine } from '#store'
import { clientOf, type RunningEngine, silent, startEngine } from './engine-fixture.ts'

let running: RunningEngine
beforeAll(async () => {
  running = await startEngine()
  const client = clientOf(running.engine.writer)
  await client.command({
    query: 'CREATE TABLE t (a UInt64, b String, c DateTime64(3)) ENGINE = MergeTree ORDER BY a',
  })
  await client.close()
}, 30_000)
afterAll(() => running.stop())

describe('the ordinary client', () => {
  test('engine - ping, insert, and select with every kind of parameter', async () => {
    const client = clientOf(running.engine.writer)
    expect(await client.ping()).toEqual({ success: true })
    expect(await client.ping({ select: true })).toEqual({ success: true })
    const summary = await client.insert({
      table: 't',
      values: [
        { a: 1, b: "quote ' backslash \\ tab \t", c: '2026-01-01 00:00:00.123' },
        { a: 2, b: '; DROP TABLE t', c: '2026-01-01 00:00:00' },
      ],
      format: 'JSONEachRow',
    })
    expect(summary.summary?.written_rows).toBe('2')
    const rows = await client.query({
      query:
        'SELECT a, b FROM t WHERE b = {b:String} AND a IN {list:Array(UInt64)} AND {none:Nullable(String)} IS NULL',
      query_params: { b: "quote ' backslash \\ tab \t", list: [1, 2], none: null },
      format: 'JSONEachRow',
    })
    expect(rows.query_id).toMatch(/^[0-9a-f-]{36}$/)
    expect(await rows.json()).toEqual([{ a: 1, b: "quote ' backslash \\ tab \t" }])
    await client.close()
  })

  test('engine - parameters of parallel queries do not mix', async () => {
    const client = clientOf(running.engine.reader)
    const numbers = Array.from({ length: 40 }, (_, at) => at)
    const answers = await Promise.all(
      numbers.map(async (n) => {
        const result = await client.query({
          query: 'SELECT {n:UInt32} AS n',
          query_params: { n },
          format: 'JSONEachRow',
        })
        return ((await result.json()) as { n: number }[])[0]?.n
      }),
    )
    expect(answers).toEqual(numbers)
    await client.close()
  })

  test('engine - settings, formats, streams and compression work as with a server', async () => {
    const client = clientOf(running.engine.reader, { output_format_json_quote_64bit_integers: 0 })
    const csv = await client.query({ query: 'SELECT number FROM numbers(3)', format: 'CSVWithNames' })
    expect(await csv.text()).toBe('"number"\n0\n1\n2\n')
    const json = await client.query({ query: 'SELECT toUInt64(7) AS n' })
    expect((await json.json()).data).toEqual([{ n: 7 }])
    const result = await client.query({ query: 'SELECT number FROM numbers(20000)', format: 'JSONEachRow' })
    let streamed = 0
    for await (const rows of result.stream()) streamed += rows.length
    expect(streamed).toBe(20_000)
    await client.close()
  })

  test('engine - compressed inserts and answers', async () => {
    const { createClient } = await import('@clickhouse/client')
    const { url, user, password, database } = running.engine.writer
    const compression = { request: true, response: true }
    const client = createClient({ url, username: user, password, database, compression })
    await client.command({ query: 'CREATE TABLE z (a UInt64) ENGINE = MergeTree ORDER BY a' })
    await client.insert({
      table: 'z',
      values: Array.from({ length: 5000 }, (_, a) => [a]),
      format: 'JSONCompactEachRow',
    })
    const rows = await client.query({ query: 'SELECT a FROM z ORDER BY a', format: 'JSONCompactEachRow' })
    expect(await rows.json()).toHaveLength(5000)
    await client.close()
  })

  test('engine - RowBinary is taken byte for byte, blank bytes at its end included', async () => {
    const client = clientOf(running.engine.writer)
    await client.command({ query: 'CREATE TABLE bin (a UInt8, b String) ENGINE = MergeTree ORDER BY a' })
    const data = Buffer.concat([row(32, '\n\n'), row(10, ' ;\n'), row(59, '\n\n')])
    await client
      .exec({ query: 'INSERT INTO bin (a, b) FORMAT RowBinary', values: Readable.from([data]) })
      .then(async ({ stream }) => void (await stream.resume().toArray()))
    const rows = await client.query({
      query: 'SELECT a, hex(b) AS h FROM bin ORDER BY a',
      format: 'JSONCompactEachRow',
    })
    expect(await rows.json()).toEqual([
      [10, '203B0A'],
      [32, '0A0A'],
      [59, '0A0A'],
    ])
    await client.close()
  })

  test('engine - an insert of no rows is none', async () => {
    const client = clientOf(running.engine.writer)
    await client.insert({
      table: 't',
      values: Readable.from([], { objectMode: true }),
      format: 'JSONEachRow',
    })
    await client.close()
  })

  test('engine - errors are ClickHouse errors with code and type', async () => {
    const client = clientOf(running.engine.writer)
    const error = await client.query({ query: 'SELECT * FROM nowhere' }).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(ClickHouseError)
    expect(error).toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' })
    const bad = client.insert({ table: 't', values: [{ a: 'many' }], format: 'JSONEachRow' })
    await expect(bad).rejects.toMatchObject({ code: expect.stringMatching(/^\d+$/) })
    await client.close()
  })

  const beyond = {
    'SET ROLE': 'SET ROLE reader',
    SYSTEM: 'SYSTEM SHUTDOWN',
    'a file to read': `INSERT INTO t FROM INFILE '/etc/passwd' FORMAT LineAsString`,
    'a file to write': `SELECT 1 INTO OUTFILE '/tmp/x'`,
    'a file as a table': `SELECT * FROM file('/etc/passwd', 'LineAsString')`,
    'a table that is a file': `CREATE TABLE f (a String) ENGINE = File(CSV, '/etc/passwd')`,
    'a table that is a URL': `CREATE TABLE f (a String) ENGINE = URL('http://127.0.0.1:1/', CSV)`,
    'two statements': 'SELECT 1; SELECT 2',
    'a user': 'CREATE USER evil',
    'another database': 'CREATE TABLE default.x (a UInt8) ENGINE = Memory',
  }
  for (const [name, query] of Object.entries(beyond))
    test(`engine - ${name} is refused to the writer too`, async () => {
      const client = clientOf(running.engine.writer)
      await expect(client.command({ query })).rejects.toBeInstanceOf(ClickHouseError)
      await client.close()
    })
})

describe('the process', () => {
  test('engine - a long scan does not keep an insert waiting', async () => {
    const reader = clientOf(running.engine.reader, { max_execution_time: 3, max_threads: 1 })
    const writer = clientOf(running.engine.writer)
    let scanning = true
    const scan = reader
      .query({ query: 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)' })
      .catch((error) => error)
      .finally(() => {
        scanning = false
      })
    for (let round = 0; round < 5; round++)
      await writer.insert({
        table: 't',
        values: [{ a: 100 + round, b: 'while scanning' }],
        format: 'JSONEachRow',
      })
    expect(scanning).toBe(true)
    const seen = await reader.query({
      query: `SELECT count() AS n FROM t WHERE b = 'while scanning'`,
      format: 'JSONEachRow',
    })
    expect(await seen.json()).toEqual([{ n: 5 }])
    expect(scanning).toBe(true)
    expect(await scan).toMatchObject({ code: '159' })
    await Promise.all([reader.close(), writer.close()])
  })

  // Only Linux shows another process' environment in a file.
  test.skipIf(process.platform !== 'linux')(
    'engine - no password and no key is in its environment or on its command line',
    async () => {
      process.env.HOLDPOINT_TEST_SECRET = randomUUID()
      const { engine, stop } = await startEngine()
      try {
        const environment = await readFile(`/proc/${engine.pid}/environ`, 'utf8')
        const command = await readFile(`/proc/${engine.pid}/cmdline`, 'utf8')
        for (const secret of [
          engine.writer.password,
          engine.reader.password,
          process.env.HOLDPOINT_TEST_SECRET,
        ])
          expect(environment + command).not.toContain(secret)
      } finally {
        delete process.env.HOLDPOINT_TEST_SECRET
        await stop()
      }
    },
    20_000,
  )

  test('engine - a second one on the same folder is told so', async () => {
    const second = createEngine({ dataDir: running.dataDir, port: 0, database: 'holdpoint' }, { log: silent })
    await expect(second.start()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(`another process uses the ClickHouse data in ${running.dataDir}`),
    })
    await second.stop()
  }, 20_000)

  test('engine - killed, it is reported, and what was inserted is there after a restart', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'holdpoint-store-'))
    const config = { dataDir, port: 0, database: 'holdpoint' }
    let report: (error: HoldpointError) => void = () => {}
    const reported = new Promise<HoldpointError>((resolve) => {
      report = resolve
    })
    const engine = createEngine(config, { log: silent, onFailure: (error) => report(error) })
    await engine.start()
    const client = clientOf(engine.writer)
    await client.command({ query: 'CREATE TABLE k (a UInt64) ENGINE = MergeTree ORDER BY a' })
    for (let a = 0; a < 10; a++) await client.insert({ table: 'k', values: [{ a }], format: 'JSONEachRow' })
    process.kill(engine.pid, 'SIGKILL')
    expect(await reported).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('SIGKILL') })
    await client.close()

    await engine.start()
    const again = clientOf(engine.reader)
    const rows = await again.query({ query: 'SELECT count() AS n FROM k', format: 'JSONEachRow' })
    expect(await rows.json()).toEqual([{ n: 10 }])
    await again.close()
    await engine.stop()
    await engine.stop()
    await rm(dataDir, { recursive: true, force: true })
  }, 30_000)

  test('engine - without chdb it says so', async () => {
    // The child's own files, in a place from which no package can be found.
    const folder = await mkdtemp(join(tmpdir(), 'holdpoint-store-'))
    await cp(new URL('../../src/store/engine/', import.meta.url), folder, { recursive: true })
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    const { fork } = await import('node:child_process')
    const child = fork(join(folder, 'child.ts'), [], { execArgv: [] })
    child.send({ type: 'start', dataDir: join(folder, 'data'), port: 0, database: 'holdpoint' })
    const answer = await new Promise((resolve) => child.once('message', resolve))
    expect(answer).toMatchObject({ type: 'failed', reason: 'not-installed' })
    await new Promise((ended) => (child.exitCode === null ? child.once('exit', ended) : ended(0)))
    await rm(folder, { recursive: true, force: true })
  }, 20_000)

  test('engine - without its parent it ends', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'holdpoint-store-'))
    const { fork } = await import('node:child_process')
    const parent = fork(new URL('./engine-parent.ts', import.meta.url), [dataDir], { execArgv: [] })
    const pid = await new Promise<number>((resolve) =>
      parent.once('message', (message) => resolve(message as number)),
    )
    parent.kill('SIGKILL')
    await expect.poll(() => isAlive(pid), { timeout: 10_000, interval: 20 }).toBe(false)
    await rm(dataDir, { recursive: true, force: true })
  }, 30_000)
})

const row = (a: number, b: string): Buffer => Buffer.concat([Buffer.from([a, b.length]), Buffer.from(b)])

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
