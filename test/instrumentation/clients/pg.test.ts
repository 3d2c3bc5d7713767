import { once } from 'node:events'
import { createRequire } from 'node:module'
import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import pgModule from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { pg } from '../../../instrumentation/pg/index.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import { steadyPort } from '../../support/port.ts'

const POLICY = `
holdpoint: 1
mode: enforce
defaults:
  effect: hold
  approvals: { from: [sre], threshold: 1, assurance: login }
  timeout: 15m
groups:
  sre: [oidc:https://idp.example.com#group/sre]
rules:
  - id: no-drop
    match: { kind: db, name: "DROP *" }
    effect: deny
    reason: Dropping a table is a change request.
  - id: small-insert
    match: { kind: db, name: "INSERT customers", target: postgres }
    when: action.arguments.values[0] < 100
    effect: allow
  - id: reading
    match: { kind: db, name: ["SELECT customers", "SELECT", BEGIN, COMMIT, ROLLBACK, SHOW] }
    effect: allow
`

/** It comes without types. */
const Cursor = createRequire(import.meta.url)('pg-cursor') as new (
  text: string,
  values?: unknown[],
) => pgModule.Submittable & { read(rows: number): Promise<unknown[]>; close(): Promise<void> }
let scene: Scene
let db: PGlite
let server: PGLiteSocketServer
let port: number
let clients: pgModule.Client[] = []

beforeAll(async () => {
  ;[scene, db, port] = await Promise.all([startScene({ policy: POLICY }), PGlite.create(), steadyPort()])
  server = new PGLiteSocketServer({ db, port, host: '127.0.0.1', maxConnections: 4 })
  await server.start()
  await db.exec('CREATE TABLE customers (id int, name text); CREATE TABLE secrets (word text)')
  pg.patch(pgModule as never, scene.gate)
  await scene.gate.ask({ kind: 'db', name: 'SELECT', arguments: {} })
})
afterAll(async () => {
  await server.stop()
  await db.close()
  await scene.stop()
})
beforeEach(() => db.exec("DELETE FROM customers; INSERT INTO customers VALUES (1, 'Ada')"))
afterEach(async () => {
  await Promise.all(clients.map((client) => client.end()))
  clients = []
  scene.broker.onRequest = () => undefined
  scene.broker.requests.length = 0
  scene.broker.outcomes.length = 0
})

const config = () => ({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
async function connected(more: pgModule.ClientConfig = {}): Promise<pgModule.Client> {
  const client = new pgModule.Client({ ...config(), ...more })
  client.on('error', () => {})
  clients.push(client)
  await client.connect()
  return client
}
const opened = (count = 1) =>
  vi.waitFor(
    () => {
      expect(scene.broker.requests).toHaveLength(count)
      return scene.broker.requests[count - 1] as (typeof scene.broker.requests)[number]
    },
    { interval: 5 },
  )
const names = async () =>
  (await db.query<{ name: string }>('SELECT name FROM customers ORDER BY id')).rows.map(({ name }) => name)
const DELETE = 'DELETE FROM customers WHERE id = $1'

test('pg - what policy allows runs as ever, in each shape', async () => {
  const client = await connected()
  expect((await client.query('SELECT name FROM customers')).rows).toEqual([{ name: 'Ada' }])
  const called = await new Promise((resolve) =>
    client.query(
      'SELECT name FROM customers WHERE id = $1',
      [1],
      (_error: unknown, result: pgModule.QueryResult) => resolve(result.rows),
    ),
  )
  expect(called).toEqual([{ name: 'Ada' }])
  const named = {
    name: 'by-id',
    text: 'SELECT name FROM customers WHERE id = $1',
    values: [1],
    rowMode: 'array' as const,
  }
  expect((await client.query(named)).rows).toEqual([['Ada']])
  const prepared = { name: 'by-id', values: [1] } as unknown as pgModule.QueryConfig
  expect((await client.query(prepared)).rows).toEqual([{ name: 'Ada' }])
  await expect(client.query('SELECT nothing FROM customers')).rejects.toMatchObject({ code: '42703' })
  expect(scene.broker.requests).toEqual([])
})

test('pg - a condition sees the values as they are sent', async () => {
  const client = await connected()
  await client.query('INSERT INTO customers VALUES ($1, $2)', [2, 'Bob'])
  expect(await names()).toEqual(['Ada', 'Bob'])
  const held = client.query('INSERT INTO customers VALUES ($1, $2)', [100, Buffer.from([1, 255])])
  const request = await opened()
  expect(request.attempt.action).toEqual({
    kind: 'db',
    name: 'INSERT customers',
    target: 'postgres',
    arguments: { text: 'INSERT INTO customers VALUES ($1, $2)', values: [100, { base64: 'Af8=' }] },
    runtime: expect.objectContaining({ precondition: `postgresql://postgres@127.0.0.1:${port}/postgres` }),
    trace: expect.anything(),
  })
  scene.broker.decide(request, 'denied', 'Not him')
  await expect(held).rejects.toMatchObject({
    name: 'HoldpointError',
    code: 'APPROVAL_DENIED',
    message: expect.stringMatching(/Not him/),
  })
  expect(await names()).toEqual(['Ada', 'Bob'])
})

describe('a held query', () => {
  const shapes: [string, (client: pgModule.Client) => Promise<unknown>][] = [
    ['text and values', (client) => client.query(DELETE, [1])],
    ['a config', (client) => client.query({ text: DELETE, values: [1] })],
    ['a named statement', (client) => client.query({ name: 'del', text: DELETE, values: [1] })],
    [
      'a template with getters',
      (client) =>
        client.query(
          new (class {
            get text() {
              return DELETE
            }
            get values() {
              return [1]
            }
          })() as never,
        ),
    ],
    [
      'a callback',
      (client) =>
        new Promise((resolve, reject) =>
          client.query(DELETE, [1], (error: unknown, result: unknown) =>
            error ? reject(error) : resolve(result),
          ),
        ),
    ],
    [
      'a Query that is submitted',
      (client) =>
        new Promise((resolve, reject) => {
          const query = client.query(
            new pgModule.Query(DELETE, [1]) as never,
          ) as unknown as NodeJS.EventEmitter
          query.on('end', resolve).on('error', reject)
        }),
    ],
  ]

  test.each(shapes)('pg - %s - approved, it runs; refused, it does not', async (_shape, send) => {
    const client = await connected()
    const refused = send(client).catch((error) => error)
    scene.broker.decide(await opened(), 'denied')
    expect(await refused).toMatchObject({ code: 'APPROVAL_DENIED' })
    expect(await names()).toEqual(['Ada'])
    const released = send(client)
    const request = await opened(2)
    expect(request.attempt.action).toMatchObject({
      name: 'DELETE customers',
      arguments: { text: DELETE, values: [1] },
    })
    scene.broker.decide(request, 'approved')
    await released
    expect(await names()).toEqual([])
    await vi.waitFor(() => expect(scene.broker.outcomes).toMatchObject([{ outcome: 'executed' }]))
  })

  test('pg - a cursor is held as well; refused, its reader is told', async () => {
    const client = await connected()
    const cursor = client.query(new Cursor('SELECT word FROM secrets'))
    const refused = cursor.read(10).catch((error: unknown) => error)
    scene.broker.decide(await opened(), 'denied')
    expect(await refused).toMatchObject({ code: 'APPROVAL_DENIED' })
    const released = client.query(new Cursor('SELECT word FROM secrets WHERE word = $1', ['x']))
    const rows = released.read(10)
    const request = await opened(2)
    expect(request.attempt.action).toMatchObject({ name: 'SELECT secrets', arguments: { values: ['x'] } })
    scene.broker.decide(request, 'approved')
    expect(await rows).toEqual([])
    await released.close()
  })

  test('pg - by a pool it is held as well', async () => {
    const pool = new pgModule.Pool(config())
    const result = pool.query(DELETE, [1])
    scene.broker.decide(await opened(), 'approved')
    expect(await result).toMatchObject({ rowCount: 1 })
    await pool.end()
  })

  test('pg - its own timeout starts when it is released', async () => {
    const client = await connected({ query_timeout: 60 })
    const result = client.query(DELETE, [1])
    const request = await opened()
    await new Promise((resolve) => setTimeout(resolve, 120))
    scene.broker.decide(request, 'approved')
    expect(await result).toMatchObject({ rowCount: 1 })
  })

  test('pg - the order of its client is kept, and other clients go on', async () => {
    const [client, other] = [await connected(), await connected()]
    const done: string[] = []
    const first = client.query(DELETE, [1]).then(() => done.push('delete'))
    const second = client
      .query('SELECT name FROM customers')
      .then(({ rows }) => done.push(`select ${rows.length}`))
    const request = await opened()
    expect((await other.query('SELECT name FROM customers')).rows).toHaveLength(1)
    expect(done).toEqual([])
    scene.broker.decide(request, 'approved')
    await Promise.all([first, second])
    expect(done).toEqual(['delete', 'select 0'])
  })

  test('pg - an error of the server reaches the caller unchanged, and the ledger is told that it failed', async () => {
    scene.broker.onRequest = () => 'approved'
    const client = await connected()
    await expect(client.query('DELETE FROM customers WHERE nothing = 1')).rejects.toMatchObject({
      code: '42703',
    })
    await vi.waitFor(() =>
      expect(scene.broker.outcomes).toContainEqual(expect.objectContaining({ outcome: 'failed' })),
    )
  })

  test('pg - a client that ends cancels the request, and a late approval sends nothing', async () => {
    const client = await connected()
    const failed = client.query(DELETE, [1]).catch((error) => error)
    const request = await opened()
    await client.end()
    expect(await failed).toMatchObject({ code: 'APPROVAL_CANCELLED' })
    await vi.waitFor(() => expect(request.state).toBe('cancelled'))
    expect(await names()).toEqual(['Ada'])
  })

  test('pg - sent before the client is connected, it waits for that first', async () => {
    const client = new pgModule.Client(config())
    clients.push(client)
    const result = client.query(DELETE, [1])
    expect(scene.broker.requests).toEqual([])
    await client.connect()
    scene.broker.decide(await opened(), 'approved')
    expect(await result).toMatchObject({ rowCount: 1 })
  })
})

describe('inside a transaction', () => {
  test('pg - what policy allows runs, and what it holds is refused with the reason, at once', async () => {
    const client = await connected()
    await client.query('BEGIN')
    expect((await client.query('SELECT name FROM customers')).rows).toHaveLength(1)
    await expect(client.query(DELETE, [1])).rejects.toMatchObject({
      code: 'APPROVAL_IMPOSSIBLE',
      message: expect.stringMatching(/transaction is open.*before BEGIN/),
    })
    expect(scene.broker.requests).toEqual([])
    await client.query('ROLLBACK')
  })

  test('pg - one that was begun in the same moment counts as well', async () => {
    const client = await connected()
    const [, deleted] = await Promise.allSettled([
      client.query('BEGIN'),
      client.query(DELETE, [1]),
      client.query('COMMIT'),
    ])
    expect(deleted).toMatchObject({ status: 'rejected', reason: { code: 'APPROVAL_IMPOSSIBLE' } })
    expect(await names()).toEqual(['Ada'])
  })
})

describe('who tries to get past it', () => {
  test.each([
    ['several statements', 'SELECT 1; DELETE FROM customers', 'DELETE customers'],
    ['a statement behind a comment', 'SELECT 1 /* ; */; DELETE FROM customers --', 'DELETE customers'],
    [
      'a CTE that deletes',
      'WITH gone AS (DELETE FROM customers RETURNING 1) SELECT * FROM gone',
      'DELETE customers',
    ],
    ['a block of code', 'DO $$ BEGIN DELETE FROM customers; END $$', 'DO'],
    ['a prepared text', 'PREPARE x AS DELETE FROM customers', 'PREPARE x'],
    ['what it is joined with', 'SELECT * FROM customers c JOIN secrets s ON true', 'SELECT secrets'],
    ['a list of tables', 'SELECT * FROM customers, secrets', 'SELECT secrets'],
    ['a function that reads files', "SELECT pg_read_file('/etc/passwd')", 'SELECT'],
    ['a quote that never ends', "SELECT 'x", 'SELECT'],
    ['a COPY from a program', "COPY customers FROM PROGRAM 'id'", 'COPY customers'],
  ])('pg - %s is asked about', async (_what, text, name) => {
    scene.broker.onRequest = () => 'denied'
    const client = await connected()
    await expect(client.query(text)).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
    expect(scene.broker.requests[0]?.attempt.action.name).toBe(name)
    expect(await names()).toEqual(['Ada'])
  })

  test.each([
    'DROP TABLE customers',
    'drop table if exists public.customers',
    'SELECT 1; DROP TABLE customers',
  ])('pg - %s is denied, in whatever words', async (text) => {
    const client = await connected()
    await expect(client.query(text)).rejects.toMatchObject({
      code: 'POLICY_DENIED',
      message: expect.stringMatching(/change request/),
    })
    expect(scene.broker.requests).toEqual([])
  })

  test('pg - what is changed after the ask is not sent', async () => {
    const client = await connected()
    const [values, asked] = [[2], { text: DELETE, values: [2] }]
    const query = new pgModule.Query(DELETE, [2]) as pgModule.Query & NodeJS.EventEmitter & { text: string }
    const results = [client.query(DELETE, values), client.query(asked), client.query(query as never)]
    values[0] = 1
    asked.text = 'DELETE FROM customers'
    asked.values[0] = 1
    expect(() => {
      query.text = 'DELETE FROM customers'
    }).toThrow(TypeError)
    scene.broker.onRequest = () => 'approved'
    scene.broker.decide(await opened(), 'approved')
    await Promise.all([...results.slice(0, 2), once(query, 'end')])
    await opened(3)
    for (const { attempt } of scene.broker.requests)
      expect(attempt.action.arguments).toEqual({ text: DELETE, values: [2] })
    expect(await names()).toEqual(['Ada'])
  })

  test('pg - values that say something else each time are read once', async () => {
    const client = await connected()
    let asked = 0
    const result = client.query(DELETE, [{ toPostgres: () => (asked++ === 0 ? 2 : 1) }])
    const request = await opened()
    expect(request.attempt.action.arguments).toEqual({ text: DELETE, values: ['2'] })
    scene.broker.decide(request, 'approved')
    expect(await result).toMatchObject({ rowCount: 0 })
  })

  test('pg - its native client is put under the gate when it is first asked for', () => {
    class Client {
      query() {}
    }
    const before = Client.prototype.query
    const exports = Object.defineProperty(
      { Client: pgModule.Client, utils: (pgModule as never as { utils: object }).utils },
      'native',
      {
        configurable: true,
        get: () => ({ Client }),
      },
    ) as never as { native: { Client: typeof Client } }
    pg.patch(exports as never, scene.gate)
    expect(exports.native.Client.prototype.query).not.toBe(before)
  })

  test('pg - a version that does not tell how it converts values is not supported', () => {
    expect(() =>
      pg.patch(
        {
          Client: class {
            query() {}
          },
        } as never,
        scene.gate,
      ),
    ).toThrow(/not supported/)
  })
})
