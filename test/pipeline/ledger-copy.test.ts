import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestBytes, type LedgerEntry } from '#contract'
import { toLedgerRow } from '#store'
import { measured } from '../support/metrics/measured.ts'
import { sampleValue } from '../support/metrics/parse.ts'
import { BOB, decided, requested, spent } from './entries.ts'
import { type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene?.stop())

const row = (entry: LedgerEntry) =>
  toLedgerRow(entry, { origin: '1', index: 0, leafHash: '0'.repeat(64), statement: '{}' })
const HASH = digestBytes('document')
const bob = {
  reviewer_iss: BOB.iss,
  reviewer_sub: BOB.sub,
  reviewer_name: BOB.name,
  assurance: 'login',
  channel: 'cli',
}

describe('what the table has of each entry', () => {
  it.each<[string, LedgerEntry, object]>([
    ['who took an approval back', spent({ spend: 'revoked', by: BOB }), { spend: 'revoked', ...bob }],
    [
      'who erased',
      { type: 'erased', at: 1, requestId: 'r1', actionDigest: HASH, by: BOB },
      { request_id: 'r1', ...bob },
    ],
    [
      'what released a policy',
      { type: 'policy', at: 1, version: 3, hash: HASH, observes: true, release: 'r9' },
      { policy_version: 3, policy_hash: HASH, observes: 1, release: 'r9', version: undefined },
    ],
    [
      'a directory',
      { type: 'directory', at: 1, version: 4, hash: HASH },
      { directory_version: 4, directory_hash: HASH, name: '' },
    ],
    [
      'a freeze of one agent',
      { type: 'freeze', at: 1, agent: 'support', turn: 2, frozen: true, by: BOB, reasonDigest: HASH },
      { agent_sub: 'support', frozen: 1, freeze_turn: 2, reason_digest: HASH, ...bob },
    ],
    [
      'the end of a freeze of all',
      { type: 'freeze', at: 1, turn: 3, frozen: false, by: BOB },
      { agent_sub: '', frozen: 0, freeze_turn: 3 },
    ],
    [
      'the epoch before',
      { type: 'continued', at: 1, epoch: 1, size: 42, root: HASH },
      { sealed_epoch: 1, sealed_size: 42, sealed_root: HASH.slice('sha-256:'.length) },
    ],
    [
      'a review',
      {
        type: 'review',
        at: 1,
        requestId: 'r1',
        actionDigest: HASH,
        reviewer: BOB,
        verdict: 'deny',
        renderHash: HASH,
        groups: ['sre'],
      },
      { verdict: 'deny', render_hash: HASH, reviewer_groups: ['sre'], ...bob },
    ],
    [
      'what waits',
      requested({ promptedBy: { iss: 'https://idp.test', sub: 'uma' }, precondition: 'etag' }),
      {
        process: 'process-1',
        valid_for_ms: 60_000,
        prompted_by: 'https://idp.test#uma',
        precondition: 'etag',
        frozen: null,
      },
    ],
  ])('ledger rows - %s', (_, entry, expected) => {
    expect(row(entry)).toMatchObject(
      Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined)),
    )
  })

  it('ledger rows - every kind of entry is taken by the table', async () => {
    const entries: LedgerEntry[] = [
      requested({ requestId: 'all' }),
      decided({ requestId: 'all' }),
      { type: 'erased', at: 1, requestId: 'all', actionDigest: HASH, by: BOB },
      { type: 'directory', at: 1, version: 1, hash: HASH },
      { type: 'freeze', at: 1, turn: 1, frozen: true, by: BOB },
      { type: 'continued', at: 1, epoch: 1, size: 0, root: HASH },
    ]
    await scene.store.insertLedger(
      entries.map((entry, index) => ({ ...row(entry), origin: 'all', ledger_index: String(index) })),
      'all kinds',
    )
    const types = await scene.store.query<{ type: string; frozen: number | null }>(
      "SELECT type, frozen FROM holdpoint_ledger FINAL WHERE origin = 'all' ORDER BY ledger_index",
    )
    expect(types.map(({ type }) => type)).toEqual(entries.map(({ type }) => type))
    expect(types.map(({ frozen }) => frozen)).toEqual([null, null, null, null, 1, null])
  })
})

describe('an action that begins to wait', () => {
  const events = () =>
    scene.store.query<{ TraceId: string; attributes: Record<string, string>; Body: string }>(
      `SELECT TraceId, SpanId, Body, ServiceName, LogAttributes AS attributes, ResourceAttributes['deployment.environment.name'] AS environment
       FROM otel_logs WHERE EventName = 'holdpoint.approval.requested' ORDER BY attributes['holdpoint.approval.id']`,
    )
  const waiting = () =>
    scene.store.query(
      "SELECT request_id, outcome FROM holdpoint_actions WHERE request_id LIKE 'w%' ORDER BY request_id",
    )

  it('ledger - it is in the tables and in the logs, once, though two pipelines copy it', async () => {
    const [one] = [await scene.startPipeline(), await scene.startPipeline()]
    const { nowMs } = scene.clock
    await scene.append(
      requested({ requestId: 'w1', at: nowMs, target: 'crm' }),
      requested({ requestId: 'w2', at: nowMs, trace: { traceId: '0'.repeat(32), spanId: '0'.repeat(16) } }),
      // Copied when it was long over: nobody waits for that.
      requested({ requestId: 'w3', at: nowMs - 3_600_000 }),
    )
    await expect
      .poll(waiting, { timeout: 10_000, interval: 20 })
      .toEqual(['w1', 'w2', 'w3'].map((request_id) => ({ request_id, outcome: 'pending' })))
    const expected = [
      {
        TraceId: requested().trace.traceId,
        SpanId: requested().trace.spanId,
        Body: 'Support agent waits for approval of export_customers',
        ServiceName: 'holdpoint',
        environment: 'prod',
        attributes: {
          'holdpoint.approval.id': 'w1',
          'gen_ai.agent.id': 'support',
          'gen_ai.agent.name': 'Support agent',
          'holdpoint.action.kind': 'tool',
          'gen_ai.tool.name': 'export_customers',
          'holdpoint.action.target': 'crm',
          'holdpoint.action.digest': requested().actionDigest,
          'holdpoint.ruling': 'hold',
          'holdpoint.policy.rule': 'export',
          'holdpoint.policy.version': '1',
          'holdpoint.enforcement': 'in-process:support',
        },
      },
      expect.objectContaining({
        TraceId: '',
        attributes: expect.objectContaining({ 'holdpoint.approval.id': 'w2' }),
      }),
    ]
    await expect.poll(events, { timeout: 10_000 }).toEqual(expected)
    // And once more, by one that begins now.
    await one?.stop()
    const late = await scene.startPipeline()
    await scene.append(requested({ requestId: 'w4', at: nowMs }))
    await expect.poll(async () => (await events()).length, { timeout: 10_000 }).toBe(3)
    await late.stop()
    expect((await events()).slice(0, 2)).toEqual(expected)
  })
})

it('how far the copy is behind says what is not stored, and what can no longer be read', async () => {
  const stalled = Promise.withResolvers<void>()
  const store = {
    async insertLedger(...rows: Parameters<typeof scene.store.insertLedger>) {
      await stalled.promise
      return scene.store.insertLedger(...rows)
    },
  }
  const { made: starting, families } = measured(() => scene.startPipeline({ store }))
  await starting
  const behind = async () => sampleValue(await families(), 'holdpoint_pipeline_ledger_behind')
  await expect.poll(behind).toBeGreaterThan(0)
  stalled.resolve()
  await expect.poll(behind).toBe(0)
  await scene.corrupt()
  await scene.append(requested({ requestId: 'behind' }))
  await expect.poll(behind).toBe(2)
})
