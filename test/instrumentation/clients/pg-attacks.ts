import { once } from 'node:events'
import pgModule from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { pg } from '../../../instrumentation/pg/index.ts'
import type { PgScene } from './pg-scene.ts'

const DELETE = 'DELETE FROM customers WHERE id = $1'

/** Those of one file that try to get past the gate: they share its engine, which takes seconds to start. */
export function testPgAttacks(sceneOf: () => PgScene): void {
  let scene: PgScene
  beforeEach(() => {
    scene = sceneOf()
  })

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
    ['a comment that a carriage return ends', 'SELECT 1 --\r; DELETE FROM customers', 'DELETE customers'],
    ['a string that goes on', "SELECT E'a'\n'\\''; DELETE FROM customers; --'", 'SELECT'],
    ['a string behind an operator', "SELECT 'a' @@e'\\''; DELETE FROM customers; --'", 'DELETE customers'],
    ['a quote in another alphabet', "SELECT $é$ ' $é$; DELETE FROM customers; --'", 'DELETE customers'],
    ['a TABLE for a SELECT', 'SELECT (TABLE secrets)', 'TABLE secrets'],
    ['tables in parentheses', 'SELECT * FROM (customers CROSS JOIN secrets)', 'SELECT'],
    ['a SELECT that writes', 'SELECT 1 INTO made', 'SELECT'],
    ['a COPY from a program', "COPY customers FROM PROGRAM 'id'", 'COPY customers'],
  ])('pg - %s is asked about', async (_what, text, name) => {
    scene.broker.onRequest = () => 'denied'
    const client = await scene.connected()
    await expect(client.query(text)).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
    expect(scene.broker.requests[0]?.attempt.action.name).toBe(name)
    expect(await scene.names()).toEqual(['Ada'])
  })

  test.each([
    'DROP TABLE customers',
    'drop table if exists public.customers',
    'SELECT 1; DROP TABLE customers',
  ])('pg - %s is denied, in whatever words', async (text) => {
    const client = await scene.connected()
    await expect(client.query(text)).rejects.toMatchObject({
      code: 'POLICY_DENIED',
      message: expect.stringMatching(/change request/),
    })
    expect(scene.broker.requests).toEqual([])
  })

  test('pg - what is changed after the ask is not sent', async () => {
    const client = await scene.connected()
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
    scene.broker.decide(await scene.opened(), 'approved')
    await Promise.all([...results.slice(0, 2), once(query, 'end')])
    await scene.opened(3)
    for (const { attempt } of scene.broker.requests)
      expect(attempt.action.arguments).toEqual({ text: DELETE, values: [2] })
    expect(await scene.names()).toEqual(['Ada'])
  })

  test('pg - values that say something else each time are read once', async () => {
    const client = await scene.connected()
    let asked = 0
    const result = client.query(DELETE, [{ toPostgres: () => (asked++ === 0 ? 2 : 1) }])
    const request = await scene.opened()
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

  test('pg - its ES module is put under the gate as well', async () => {
    const module = (await import('pg')) as never as Record<string, unknown>
    expect(() => pg.patch({ Client: module.Client, default: module.default }, scene.gate)).not.toThrow()
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
}
