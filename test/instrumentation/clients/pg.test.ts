import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import pgModule from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { agentEnvironment, startAgent } from '../../support/agent-process.ts'
import { testPgAttacks } from './pg-attacks.ts'
import { type PgScene, startPgScene } from './pg-scene.ts'

/** It comes without types. */
const Cursor = createRequire(import.meta.url)('pg-cursor') as new (
  text: string,
  values?: unknown[],
) => pgModule.Submittable & { read(rows: number): Promise<unknown[]>; close(): Promise<void> }
const { from: copyFrom, to: copyTo } = createRequire(import.meta.url)('pg-copy-streams') as {
  from(text: string): pgModule.Submittable & NodeJS.WritableStream
  to(text: string): pgModule.Submittable & NodeJS.ReadableStream
}
let scene: PgScene
beforeAll(async () => {
  scene = await startPgScene()
})
afterAll(() => scene.stop())
beforeEach(() => scene.reset())

const DELETE = 'DELETE FROM customers WHERE id = $1'

test('pg - what policy allows runs as ever, in each shape', async () => {
  const client = await scene.connected()
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
  const client = await scene.connected()
  await client.query('INSERT INTO customers VALUES ($1, $2)', [2, 'Bob'])
  expect(await scene.names()).toEqual(['Ada', 'Bob'])
  const held = client.query('INSERT INTO customers VALUES ($1, $2)', [100, Buffer.from([1, 255])])
  const request = await scene.opened()
  expect(request.attempt.action).toEqual({
    kind: 'db',
    name: 'INSERT customers',
    target: 'postgres',
    arguments: { text: 'INSERT INTO customers VALUES ($1, $2)', values: [100, { base64: 'Af8=' }] },
    runtime: expect.objectContaining({
      precondition: `postgresql://postgres@127.0.0.1:${scene.port}/postgres`,
    }),
    trace: expect.anything(),
  })
  scene.broker.decide(request, 'denied', 'Not him')
  await expect(held).rejects.toMatchObject({
    name: 'HoldpointError',
    code: 'APPROVAL_DENIED',
    message: expect.stringMatching(/Not him/),
  })
  expect(await scene.names()).toEqual(['Ada', 'Bob'])
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
    const client = await scene.connected()
    const refused = send(client).catch((error) => error)
    scene.broker.decide(await scene.opened(), 'denied')
    expect(await refused).toMatchObject({ code: 'APPROVAL_DENIED' })
    expect(await scene.names()).toEqual(['Ada'])
    const released = send(client)
    const request = await scene.opened(2)
    expect(request.attempt.action).toMatchObject({
      name: 'DELETE customers',
      arguments: { text: DELETE, values: [1] },
    })
    scene.broker.decide(request, 'approved')
    await released
    expect(await scene.names()).toEqual([])
    await vi.waitFor(() => expect(scene.broker.outcomes).toMatchObject([{ outcome: 'executed' }]))
  })

  test('pg - a cursor is held as well; refused, its reader is told', async () => {
    const client = await scene.connected()
    const cursor = client.query(new Cursor('SELECT word FROM secrets'))
    const refused = cursor.read(10).catch((error: unknown) => error)
    scene.broker.decide(await scene.opened(), 'denied')
    expect(await refused).toMatchObject({ code: 'APPROVAL_DENIED' })
    const released = client.query(new Cursor('SELECT word FROM secrets WHERE word = $1', ['x']))
    const rows = released.read(10)
    const request = await scene.opened(2)
    expect(request.attempt.action).toMatchObject({ name: 'SELECT secrets', arguments: { values: ['x'] } })
    scene.broker.decide(request, 'approved')
    expect(await rows).toEqual([])
    await released.close()
  })

  test('pg - a stream of COPY is held, and refused either way before a row has gone over', async () => {
    const client = await scene.connected()
    const released = text(client.query(copyTo('COPY customers TO STDOUT')) as never)
    expect((await scene.opened()).attempt.action).toMatchObject({ kind: 'db', name: 'COPY customers' })
    scene.broker.decide(await scene.opened(), 'approved')
    expect(await released).toBe('1\tAda\n')
    scene.broker.onRequest = () => 'denied'
    const out = text(client.query(copyTo('COPY customers TO STDOUT')) as never)
    await expect(out).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
    const into = pipeline(Readable.from(['2\tBob\n']), client.query(copyFrom('COPY customers FROM STDIN')))
    await expect(into).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
    expect(await scene.names()).toEqual(['Ada'])
  })

  test('pg - by a pool it is held as well', async () => {
    const pool = new pgModule.Pool(scene.server)
    const result = pool.query(DELETE, [1])
    scene.broker.decide(await scene.opened(), 'approved')
    expect(await result).toMatchObject({ rowCount: 1 })
    await pool.end()
  })

  test('pg - its own timeout starts when it is released', async () => {
    const client = await scene.connected({ query_timeout: 60 })
    const result = client.query(DELETE, [1])
    const request = await scene.opened()
    await new Promise((resolve) => setTimeout(resolve, 120))
    scene.broker.decide(request, 'approved')
    expect(await result).toMatchObject({ rowCount: 1 })
  })

  test('pg - the order of its client is kept, and other clients go on', async () => {
    const [client, other] = [await scene.connected(), await scene.connected()]
    const done: string[] = []
    const first = client.query(DELETE, [1]).then(() => done.push('delete'))
    const second = client
      .query('SELECT name FROM customers')
      .then(({ rows }) => done.push(`select ${rows.length}`))
    const request = await scene.opened()
    expect((await other.query('SELECT name FROM customers')).rows).toHaveLength(1)
    expect(done).toEqual([])
    scene.broker.decide(request, 'approved')
    await Promise.all([first, second])
    expect(done).toEqual(['delete', 'select 0'])
  })

  test('pg - an error of the server reaches the caller unchanged, and the ledger is told that it failed', async () => {
    scene.broker.onRequest = () => 'approved'
    const client = await scene.connected()
    await expect(client.query('DELETE FROM customers WHERE nothing = 1')).rejects.toMatchObject({
      code: '42703',
    })
    await vi.waitFor(() =>
      expect(scene.broker.outcomes).toContainEqual(expect.objectContaining({ outcome: 'failed' })),
    )
  })

  test('pg - a client that ends cancels the request, and a late approval sends nothing', async () => {
    const client = await scene.connected()
    const failed = client.query(DELETE, [1]).catch((error) => error)
    const request = await scene.opened()
    await client.end()
    expect(await failed).toMatchObject({ code: 'APPROVAL_CANCELLED' })
    await vi.waitFor(() => expect(request.state).toBe('cancelled'))
    expect(await scene.names()).toEqual(['Ada'])
  })

  test('pg - sent before the client is connected, it waits for that first', async () => {
    const client = scene.client()
    const result = client.query(DELETE, [1])
    expect(scene.broker.requests).toEqual([])
    await client.connect()
    scene.broker.decide(await scene.opened(), 'approved')
    expect(await result).toMatchObject({ rowCount: 1 })
  })
})

describe('inside a transaction', () => {
  test('pg - what policy allows runs, and what it holds is refused with the reason, at once', async () => {
    const client = await scene.connected()
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
    const client = await scene.connected()
    const [, deleted] = await Promise.allSettled([
      client.query('BEGIN'),
      client.query(DELETE, [1]),
      client.query('COMMIT'),
    ])
    expect(deleted).toMatchObject({ status: 'rejected', reason: { code: 'APPROVAL_IMPOSSIBLE' } })
    expect(await scene.names()).toEqual(['Ada'])
  })
})

describe('who tries to get past it', () => testPgAttacks(() => scene))

test.each([
  ['whichever copy a program imports', 'querying', 3],
  ['a file of its own that a program imports past the others', 'querying-inside', 2],
])('pg - under register, %s is under the gate', async (_what, app, copies) => {
  scene.broker.onRequest = () => 'denied'
  const { env, remove } = agentEnvironment(scene.broker, scene.nats.url)
  const { host, port, user, database } = scene.server
  const { ended } = startAgent(`test/instrumentation/apps/${app}.mjs`, env, {
    args: [`postgresql://${user}@${host}:${port}/${database}`],
  })
  const { stdout, stderr } = await ended
  expect(stderr).toMatch(/pg 8\./)
  expect(JSON.parse(stdout)).toEqual(Array(copies).fill('APPROVAL_DENIED'))
  expect(await scene.names()).toEqual(['Ada'])
  remove()
})
