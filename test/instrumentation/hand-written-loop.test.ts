import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type AgentEnvironment, agentEnvironment, startAgent } from '../support/agent-process.ts'
import { startNats, type TestNats } from '../support/nats.ts'
import { steadyPort } from '../support/port.ts'
import { createOpenAI, outputsTold } from '../support/providers/openai.ts'
import { createScriptedBroker, type ScriptedBroker } from '../support/scripted-broker.ts'
import { startS3 } from './aws/s3.ts'

/** It reaches its provider; whatever else it does is held. */
const POLICY = `
holdpoint: 1
mode: enforce
defaults:
  effect: hold
  kinds: { http: allow }
  approvals: { from: [sre], threshold: 1, assurance: login }
  timeout: 15m
groups:
  sre: [oidc:https://idp.example.com#group/sre]
rules: []
`

let nats: TestNats
let broker: ScriptedBroker
let environment: AgentEnvironment
let db: PGlite
let socket: PGLiteSocketServer
let databaseUrl: string
let s3: Awaited<ReturnType<typeof startS3>>
const openai = createOpenAI()
const folder = mkdtempSync(join(tmpdir(), 'holdpoint-loop-'))
const place = (name: string) => join(folder, name)

beforeAll(async () => {
  broker = createScriptedBroker({ policy: POLICY })
  const [startedNats, database, port, startedS3] = await Promise.all([
    startNats(),
    PGlite.create(),
    steadyPort(),
    startS3(),
    openai.start(),
  ])
  ;[nats, db, s3] = [startedNats, database, startedS3]
  await broker.start(nats.url)
  environment = agentEnvironment(broker, nats.url)
  socket = new PGLiteSocketServer({ db, port, host: '127.0.0.1', maxConnections: 4 })
  await socket.start()
  databaseUrl = `postgresql://postgres@127.0.0.1:${port}/postgres`
  await db.exec('CREATE TABLE customers (id int); INSERT INTO customers VALUES (1), (2), (3)')
})
afterAll(async () => {
  await Promise.all([openai.stop(), s3.stop(), socket.stop().then(() => db.close())])
  await broker.stop()
  await nats.stop()
  environment.remove()
  rmSync(folder, { recursive: true, force: true })
})

test('a hand-written loop - what it tries with child_process, pg and S3 is held at each, and runs only when it is released', async () => {
  const tries = (turn: number) => [
    call(`shell-${turn}`, 'run_shell', { command: `touch ${place(`shell-${turn}`)}` }),
    call(`program-${turn}`, 'run_program', { program: 'touch', words: [place(`program-${turn}`)] }),
    call(`sql-${turn}`, 'query_database', { sql: `DELETE FROM customers WHERE id = ${turn}` }),
    call(`bucket-${turn}`, 'delete_bucket', { bucket: `bucket-${turn}` }),
  ]
  openai.script({ calls: tries(1) }, { calls: tries(2) }, { calls: tries(3) }, { text: 'That is all.' })
  const child = startAgent('test/instrumentation/apps/hand-written-loop.mjs', environment.env, {
    args: [`${openai.url}/v1`, databaseUrl, s3.endpoint],
  })
  for (const turn of [1, 2, 3]) {
    const requests = await opened(turn * 4, child.ended)
    // All of this turn is asked for, and nothing of it has happened.
    expect(await effects()).toEqual(RELEASED[turn - 1])
    for (const request of requests.slice(-4)) {
      const { kind, name } = request.attempt.action
      const at = ['sh', 'process', 'db', 'aws'].indexOf(name === 'sh' ? name : kind)
      broker.decide(request, DECISIONS[(at + turn) % 3] as 'approved', 'Not today')
    }
  }
  const { stdout, code, stderr } = await child.ended
  expect(await effects()).toEqual(RELEASED[3])
  expect({ stdout, code }, stderr).toEqual({ stdout: 'That is all.\n', code: 0 })

  const denied = (name: string) =>
    expect.stringMatching(new RegExp(`${name} was not run \\(APPROVAL_DENIED\\)\\. Not today`))
  const expired = (name: string) =>
    expect.stringMatching(new RegExp(`${name} was not run \\(APPROVAL_EXPIRED\\)`))
  expect(outputsTold(openai)).toEqual({
    'shell-1': denied('sh'),
    'shell-2': expired('sh'),
    'shell-3': 'done',
    'program-1': expired('touch'),
    'program-2': 'ended with 0 ',
    'program-3': denied('touch'),
    'sql-1': '1 rows',
    'sql-2': denied('DELETE customers'),
    'sql-3': expired('DELETE customers'),
    'bucket-1': denied('s3:DeleteBucket'),
    'bucket-2': expired('s3:DeleteBucket'),
    'bucket-3': 'deleted',
  })
  expect(broker.requests.map(({ state }) => state).sort()).toEqual([
    ...Array(4).fill('consumed'),
    ...Array(4).fill('denied'),
    ...Array(4).fill('expired'),
  ])
}, 30_000)

/** Each client meets each of them, in another turn than the others. */
const DECISIONS = ['approved', 'denied', 'expired'] as const
/** What has happened before a turn, and after the last. */
const RELEASED = [
  { files: [], customers: [1, 2, 3], s3: [] },
  { files: [], customers: [2, 3], s3: [] },
  { files: ['program-2'], customers: [2, 3], s3: [] },
  { files: ['program-2', 'shell-3'], customers: [2, 3], s3: ['DELETE /bucket-3/'] },
]

const call = (id: string, name: string, given: object) => ({ id, name, arguments: given })

/** What has really happened, past every gate. */
async function effects() {
  const { rows } = await db.query<{ id: number }>('SELECT id FROM customers ORDER BY id')
  return {
    files: ['program', 'shell'].flatMap((name) =>
      [1, 2, 3].map((turn) => `${name}-${turn}`).filter((one) => existsSync(place(one))),
    ),
    customers: rows.map(({ id }) => id),
    s3: s3.requests.map(({ operation, path }) => `${operation} ${path}`),
  }
}

async function opened(count: number, ended: Promise<{ stderr: string }>) {
  const failed = ended.then(({ stderr }) => Promise.reject(new Error(stderr)))
  const all = vi.waitFor(
    () => {
      expect(broker.requests).toHaveLength(count)
      return [...broker.requests]
    },
    { timeout: 15_000, interval: 5 },
  )
  return Promise.race([all, failed])
}
