import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AskOptions, askAs, clientOf, type RunningEngine, startEngine } from './engine-fixture.ts'

const SECRET = 'not-for-readers'
let running: RunningEngine
let outside: string
let secret: string
let visitors = 0
const web = createServer((_, response) => {
  visitors++
  response.end(SECRET)
})
let webUrl: string

beforeAll(async () => {
  running = await startEngine()
  outside = await mkdtemp(join(tmpdir(), 'holdpoint-outside-'))
  secret = join(outside, 'secret.txt')
  await writeFile(secret, `${SECRET}\n`)
  await new Promise<void>((listening) => web.listen(0, '127.0.0.1', listening))
  webUrl = `http://127.0.0.1:${(web.address() as AddressInfo).port}/x`
  const client = clientOf(running.engine.writer)
  await client.command({ query: 'CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a' })
  await client.insert({
    table: 't',
    values: [
      { a: 1, b: 'one' },
      { a: 2, b: 'two' },
    ],
    format: 'JSONEachRow',
  })
  await client.close()
}, 30_000)

afterAll(async () => {
  await running.stop()
  await new Promise((closed) => web.close(closed))
  await rm(outside, { recursive: true, force: true })
})

const ask = (sql: string, options: AskOptions = {}) => askAs(running.engine.reader, sql, options)

const escapes: Record<string, () => string> = {
  'a file as a table': () => `SELECT * FROM file('${secret}', 'LineAsString')`,
  'a file as a scalar': () => `SELECT file('${secret}')`,
  'a file in back quotes with an escape': () => `SELECT \`fi\\x6ce\`('${secret}')`,
  'a file with a comment before the parenthesis': () => `SELECT file/**/('${secret}')`,
  'a file through APPLY': () => `SELECT * APPLY(file) FROM (SELECT '${secret}' AS p)`,
  'a file through APPLY of a lambda': () => `SELECT * APPLY(x -> file(x)) FROM (SELECT '${secret}' AS p)`,
  'a file through a bare function name': () => `SELECT arrayMap(file, ['${secret}'])`,
  'a file through a quoted bare function name': () => `SELECT arrayMap(\`f\\x69le\`, ['${secret}'])`,
  'a file through a lambda': () => `SELECT arrayMap(x -> file(x), ['${secret}'])`,
  'a file in WITH': () => `WITH file('${secret}') AS x SELECT x`,
  'a file in a subquery of IN': () =>
    `SELECT a FROM t WHERE b IN (SELECT * FROM file('${secret}', 'LineAsString'))`,
  'a file behind a boolean': () => `SELECT startsWith(file('${secret}'), 'n')`,
  'a file in INTERPOLATE': () =>
    `SELECT a, b FROM t ORDER BY a WITH FILL FROM 1 TO 9 INTERPOLATE (b AS file('${secret}'))`,
  'a file in REPLACE': () => `SELECT * REPLACE(file('${secret}') AS b) FROM t`,
  'a file in a window frame': () =>
    `SELECT sum(a) OVER (ORDER BY a ROWS BETWEEN length(file('${secret}')) PRECEDING AND CURRENT ROW) FROM t`,
  'a file in HAVING': () => `SELECT count() FROM t HAVING length(file('${secret}')) > 0`,
  'a file in LIMIT': () => `SELECT a FROM t LIMIT length(file('${secret}'))`,
  'a file explained': () => `EXPLAIN SELECT file('${secret}')`,
  'a file explained as a query tree': () => `EXPLAIN QUERY TREE SELECT file('${secret}')`,
  'a file described': () => `DESCRIBE file('${secret}', 'CSV')`,
  'a file described in a subquery': () => `DESCRIBE (SELECT file('${secret}'))`,
  'a file in SHOW … WHERE': () => `SHOW TABLES WHERE length(file('${secret}')) > 0`,
  'a file in SHOW COLUMNS … WHERE': () => `SHOW COLUMNS FROM t WHERE file('${secret}') != ''`,
  'a file through view': () => `SELECT * FROM view(SELECT * FROM file('${secret}', 'LineAsString'))`,
  'a file through eval': () => `SELECT * FROM eval('SELECT file(\\'${secret}\\')')`,
  'a file through an explained subquery': () => `SELECT * FROM (EXPLAIN SELECT file('${secret}'))`,
  'a file through a parameter as identifier': () => `SELECT {f:Identifier}`,
  'a file inside a union': () => `SELECT 'x' UNION ALL SELECT file('${secret}')`,
  'another format of table function': () =>
    `SELECT * FROM fileCluster('default', '${secret}', 'LineAsString')`,
  'a file as a table of the default database': () => `SELECT * FROM default.\`${secret}\``,
  'a file as a described table of the default database': () => `DESCRIBE default.\`${secret}\``,
  'a file as a bare table name': () => `SELECT * FROM \`${secret}\``,
  'a file as a quoted table name': () => `SELECT * FROM '${secret}'`,
  'a file under the name of another function': () => `WITH file AS lower SELECT lower('${secret}')`,
  'a file in a lambda under the name of another function': () =>
    `WITH (x -> file(x)) AS lower SELECT lower('${secret}')`,
  'a file by its name in capitals': () => `SELECT FILE('${secret}')`,
  'a file in a nested EXPLAIN': () => `EXPLAIN AST EXPLAIN SELECT file('${secret}')`,
  'a file in a setting of EXPLAIN': () => `EXPLAIN actions = 1, file('${secret}') = 1 SELECT 1`,
  'every table by merge': () => `SELECT * FROM merge('system', '.*')`,
  'a folder': () => `SELECT * FROM filesystem('${outside}')`,
  'a URL': () => `SELECT * FROM url('${webUrl}', 'LineAsString')`,
  'a URL described': () => `DESCRIBE url('${webUrl}', 'CSV')`,
  s3: () => `SELECT * FROM s3('${webUrl}/bucket/key', 'CSV')`,
  iceberg: () => `SELECT * FROM icebergLocal('${outside}')`,
  sqlite: () => `SELECT * FROM sqlite('${secret}', 't')`,
  'another server': () => `SELECT * FROM remote('127.0.0.1:1', 'holdpoint.t')`,
  'another server through a function': () => `SELECT hasColumnInTable('127.0.0.1', 'u', 'p', 'd', 't', 'c')`,
  mysql: () => `SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')`,
  'a process': () => `SELECT * FROM executable('sh', 'TSV', 'a String')`,
  'a model library': () => `SELECT catboostEvaluate('${secret}', 1)`,
  'INTO OUTFILE': () => `SELECT 1 INTO OUTFILE '${outside}/out' TRUNCATE`,
  'INTO OUTFILE over a file that is there': () => `SELECT 1 INTO OUTFILE '${secret}' TRUNCATE FORMAT CSV`,
  'INTO OUTFILE in a second statement': () => `SELECT 1; SELECT 1 INTO OUTFILE '${outside}/out'`,
  'INTO OUTFILE before something that cannot be parsed': () =>
    `SELECT 1 INTO OUTFILE '${outside}/out'; SELECT ((`,
  'INTO OUTFILE by PARALLEL WITH': () => `SELECT 1 INTO OUTFILE '${outside}/out' PARALLEL WITH SELECT 1`,
  'INTO OUTFILE behind a comment': () => `/* SELECT */ SELECT 1 -- ;\n INTO/**/OUTFILE '${outside}/out'`,
  'writing into a file': () => `INSERT INTO FUNCTION file('${outside}/out', 'CSV') SELECT 1`,
  'two statements': () => 'SELECT 1; SELECT 2',
  'two statements, the second hidden by a comment': () => 'SELECT 1 /* ; */ ; DROP TABLE t --',
  INSERT: () => `INSERT INTO t VALUES (3, 'three')`,
  'DROP TABLE': () => 'DROP TABLE t',
  ALTER: () => 'ALTER TABLE t DELETE WHERE 1',
  'CREATE TABLE': () => 'CREATE TABLE u (a UInt8) ENGINE = Memory',
  'CREATE TEMPORARY TABLE': () => 'CREATE TEMPORARY TABLE u (a UInt8)',
  'CREATE FUNCTION': () => 'CREATE FUNCTION f AS x -> x',
  'CREATE USER': () => 'CREATE USER evil',
  GRANT: () => 'GRANT writer TO default',
  'SET ROLE': () => 'SET ROLE writer',
  'SET ROLE before a query': () => 'SET ROLE ALL; DROP TABLE t',
  'SET readonly': () => 'SET readonly = 0',
  'a setting in the statement': () => 'SELECT 1 SETTINGS readonly = 0',
  'a setting beside one that may be set': () => 'SELECT 1 SETTINGS max_threads = 1, readonly = 0',
  'a setting that is set twice': () => 'SELECT 1 SETTINGS readonly = 0 SETTINGS max_threads = 1',
  'a setting in a subquery': () => 'SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)',
  'a setting behind FORMAT': () => `SELECT 1 FORMAT Protobuf SETTINGS format_schema = '${secret}'`,
  'EXECUTE AS': () => 'EXECUTE AS default SELECT 1',
  USE: () => 'USE system',
  'SYSTEM SHUTDOWN': () => 'SYSTEM SHUTDOWN',
  'KILL QUERY': () => 'KILL QUERY WHERE 1',
  BACKUP: () => `BACKUP TABLE t TO File('${outside}/backup')`,
  ATTACH: () => `ATTACH TABLE u FROM '${outside}' (a UInt8) ENGINE = MergeTree ORDER BY a`,
  'users of the engine': () => 'SELECT * FROM system.users',
  'statements of others': () => 'SELECT query FROM system.processes',
  'statements of others by IN': () => `SELECT 'x' IN system.processes`,
  'users in back quotes with an escape': () => 'SELECT * FROM `sys\\x74em`.`users`',
  'statements of others by SHOW': () => 'SHOW PROCESSLIST',
  'a broken statement': () => 'SELECT ((',
  nothing: () => '',
}

describe('the reader', () => {
  for (const [name, sql] of Object.entries(escapes))
    test(`reader - ${name} is refused`, async () => {
      const before = await readdir(outside)
      const answer = await ask(sql(), { params: 'param_f=file' })
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.text).toMatch(/^Code: \d+\. DB::/)
      expect(answer.code).toMatch(/^\d+$/)
      expect(answer.text).not.toContain(SECRET)
      expect(await readdir(outside)).toEqual(before)
      expect(readFileSync(secret, 'utf8')).toBe(`${SECRET}\n`)
      expect(visitors).toBe(0)
    })

  test('reader - all those attempts have changed nothing', async () => {
    expect((await ask('SELECT count(), sum(a) FROM t')).text).toBe('2\t3\n')
    expect((await ask('SHOW TABLES')).text).toBe('t\n')
    expect(existsSync(join(outside, 'out'))).toBe(false)
  })

  const settings = {
    readonly0: 'max_memory_usage=0',
    'a file that formats write': 'output_format_schema=/tmp/x&format_schema=/tmp/y',
    'a filter that is SQL': `additional_table_filters=${encodeURIComponent(`{'t': 'file(\\'/etc/passwd\\') = b'}`)}`,
    'another profile': 'profile=default',
    'a session': 'session_id=1',
    'another role': 'role=writer',
    'another database': 'database=system',
    'an unknown name': 'no_such_setting=1',
    'a name that is SQL': `${encodeURIComponent('max_threads = 1, readonly')}=0`,
    'a parameter whose name is SQL': `${encodeURIComponent("param_x = '', readonly")}=0`,
    'a user in the URL': 'user=holdpoint&password=x',
    'the old analyzer': 'allow_experimental_analyzer=0',
    'a format that is SQL': `default_format=${encodeURIComponent("CSV INTO OUTFILE '/tmp/x'")}`,
  }
  for (const [name, params] of Object.entries(settings))
    test(`reader - setting ${name} is refused`, async () => {
      const answer = await ask('SELECT 1', { params })
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.text).toMatch(/^Code: \d+\./)
    })

  test('reader - a value that tries to leave its quotes stays a value', async () => {
    const value = `'; SET ROLE writer; DROP TABLE t; --\\\\'`
    const answer = await ask('SELECT {x:String} = {x:String}, length({x:String})', {
      params: `param_x=${encodeURIComponent(value)}`,
    })
    expect(answer).toMatchObject({ status: 200, text: `1\t${value.length - 1}\n` })
    expect((await ask('SELECT count() FROM t')).text).toBe('2\n')
  })

  test('reader - settings that only change the way are taken, from the URL and from the end of a statement', async () => {
    const value = `SELECT value FROM system.settings WHERE name = 'short_circuit_function_evaluation'`
    const params = 'allow_experimental_analyzer=1&use_skip_indexes_on_data_read=1&enable_full_text_index=1'
    const answer = await ask(
      `${value} SETTINGS short_circuit_function_evaluation = 'force_enable', max_threads = 1`,
      {
        params,
      },
    )
    expect(answer).toMatchObject({ status: 200, text: 'force_enable\n' })
    expect((await ask(value)).text).toBe('enable\n')
    expect((await ask(`SELECT 'x SETTINGS max_threads = 1'`)).text).toBe('x SETTINGS max_threads = 1\n')
  })

  test('reader - zero seconds do not lift the time limit', async () => {
    const answer = await ask(`SELECT value FROM system.settings WHERE name = 'max_execution_time'`, {
      params: 'max_execution_time=0',
    })
    expect(answer.text).toBe('30\n')
  })

  test('reader - a statement that takes too long is stopped', async () => {
    const answer = await ask('SELECT sum(sipHash64(number)) FROM numbers(1000000000000)', {
      params: 'max_execution_time=0.3',
    })
    expect(answer).toMatchObject({ status: 408, code: '159' })
  })

  test('reader - a statement that takes too much memory is stopped', async () => {
    const answer = await ask('SELECT length(groupArray(number)) FROM numbers(10000000000)')
    expect(answer.code).toBe('241')
  })

  const allowed = {
    SELECT: 'SELECT a, upper(b) FROM t ORDER BY a',
    WITH: 'WITH x AS (SELECT max(a) AS m FROM t) SELECT m FROM x',
    'a recursive WITH':
      'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r',
    'FROM first': 'FROM t SELECT a',
    DESCRIBE: 'DESCRIBE TABLE t',
    'SHOW CREATE': 'SHOW CREATE TABLE t',
    EXISTS: 'EXISTS TABLE t',
    EXPLAIN: 'EXPLAIN indexes = 1 SELECT * FROM t WHERE a = 1',
    'combined aggregates':
      'SELECT countIf(a > 1), uniqExactIf(b, a > 0), argMax(b, a), quantiles(0.5, 0.9)(a) FROM t',
    'windows and joins':
      'SELECT x.a, row_number() OVER (ORDER BY y.b) FROM t AS x LEFT JOIN t AS y USING (a)',
    'CASE, CAST and intervals': `SELECT CASE WHEN a > 1 THEN 'x' ELSE 'y' END, a::String, now() - INTERVAL 1 DAY FROM t`,
    lambdas: `SELECT arrayMap(x -> x + 1, [1, 2]), mapKeys(map('k', 'v'))`,
    'a comment and a semicolon at the end': 'SELECT 1 -- the end\n;',
    'the word file as a text': `SELECT 'file(1) INTO OUTFILE'`,
    'a format': 'SELECT a FROM t ORDER BY a FORMAT JSONEachRow',
    'what tools ask first': 'SELECT displayName(), version(), revision(), timezone()',
    'the catalogue': `SELECT name FROM system.columns WHERE table = 't'`,
  }
  for (const [name, sql] of Object.entries(allowed))
    test(`reader - ${name} is answered`, async () => {
      expect(await ask(sql)).toMatchObject({ status: 200, code: null })
    })
})

describe('the door', () => {
  const refused: Record<string, Record<string, string>> = {
    'no credentials': { 'X-ClickHouse-User': '', 'X-ClickHouse-Key': '' },
    'a wrong password': { 'X-ClickHouse-Key': 'wrong' },
    'the engine’s own user': { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': '' },
    'the writer with the reader’s password': { 'X-ClickHouse-User': 'holdpoint' },
    'an origin': { Origin: 'https://evil.example' },
    'an origin of this machine': { Origin: 'http://localhost:3000' },
  }
  for (const [name, headers] of Object.entries(refused))
    test(`engine - ${name} is refused`, async () => {
      expect(await ask('SELECT 1', { headers })).toMatchObject({ status: 403, code: '516' })
    })

  test('engine - another Host is refused, as a rebound name would send it', async () => {
    const { request } = await import('node:http')
    const { url, user, password } = running.engine.reader
    const status = await new Promise((resolve, failed) =>
      request(
        `${url}/?query=SELECT+1`,
        { headers: { Host: 'evil.example', 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password } },
        (response) => {
          response.resume()
          resolve(response.statusCode)
        },
      )
        .on('error', failed)
        .end(),
    )
    expect(status).toBe(403)
  })

  test('engine - it listens on loopback alone', () => {
    expect(running.engine.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  })
})
