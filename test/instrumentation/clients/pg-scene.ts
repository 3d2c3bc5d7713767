import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import pgModule from 'pg'
import { expect, vi } from 'vitest'
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

export interface PgScene extends Scene {
  port: number
  /** Where the server is, for clients and pools. */
  server: { host: string; port: number; user: string; database: string }
  connected(more?: pgModule.ClientConfig): Promise<pgModule.Client>
  /** It is ended with the test. */
  client(more?: pgModule.ClientConfig): pgModule.Client
  /** The request that has been opened, once there are as many. */
  opened(count?: number): Promise<Scene['broker']['requests'][number]>
  /** What is in the table, past pg and the gate. */
  names(): Promise<string[]>
  /** One customer, Ada; no requests. */
  reset(): Promise<void>
}

/** The real engine and the real wire protocol, and pg under the gate. */
export async function startPgScene(): Promise<PgScene> {
  const [scene, db, port] = await Promise.all([startScene({ policy: POLICY }), PGlite.create(), steadyPort()])
  const { broker, gate } = scene
  const socket = new PGLiteSocketServer({ db, port, host: '127.0.0.1', maxConnections: 4 })
  await socket.start()
  await db.exec('CREATE TABLE customers (id int, name text); CREATE TABLE secrets (word text)')
  pg.patch(pgModule as never, gate)
  await gate.ask({ kind: 'db', name: 'SELECT', arguments: {} })
  let clients: pgModule.Client[] = []
  const server = { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' }
  const client = (more: pgModule.ClientConfig = {}): pgModule.Client => {
    const made = new pgModule.Client({ ...server, ...more })
    made.on('error', () => {})
    clients.push(made)
    return made
  }
  return {
    ...scene,
    port,
    server,
    client,
    async connected(more) {
      const made = client(more)
      await made.connect()
      return made
    },
    opened: (count = 1) =>
      vi.waitFor(
        () => {
          expect(broker.requests).toHaveLength(count)
          return broker.requests[count - 1] as (typeof broker.requests)[number]
        },
        { interval: 5 },
      ),
    async names() {
      const { rows } = await db.query<{ name: string }>('SELECT name FROM customers ORDER BY id')
      return rows.map(({ name }) => name)
    },
    async reset() {
      await Promise.all(clients.map((one) => one.end()))
      clients = []
      broker.onRequest = () => undefined
      for (const told of ['requests', 'calls', 'outcomes'] as const) broker[told].length = 0
      await db.exec("DELETE FROM customers; INSERT INTO customers VALUES (1, 'Ada')")
    },
    async stop() {
      await Promise.all(clients.map((one) => one.end()))
      await socket.stop()
      await db.close()
      await scene.stop()
    },
  }
}
