import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeEntry, type LedgerEntry } from '#contract'
import { createStore, type LedgerRow, type Store } from '#store'
import { approver, digest, entries, finding, ledgerRows, requested, T0, trace } from './action-rows.ts'
import { type RunningEngine, startEngine } from './engine-fixture.ts'

let running: RunningEngine
let store: Store
let reader: Store
beforeAll(async () => {
  running = await startEngine({ migrated: true })
  store = createStore(running.engine.writer)
  reader = createStore(running.engine.reader)
  await store.migrate()
}, 30_000)
afterAll(async () => {
  await store.close()
  await reader.close()
  await running.stop()
})

const count = async (table: string, where = '1'): Promise<number> =>
  (await reader.query<{ n: number }>(`SELECT count() AS n FROM ${table} WHERE ${where}`))[0]?.n ?? -1

describe('the ledger and the actions', () => {
  const common = (requestId: string, char: string) => ({ requestId, actionDigest: digest(char) })

  beforeAll(async () => {
    const rows = ledgerRows(0, [
      { type: 'policy', at: T0 - 1, version: 3, hash: digest('f'), observes: false },
      requested('e1.r1', '1'),
      {
        type: 'review',
        at: T0 + 10,
        ...common('e1.r1', '1'),
        reviewer: approver('ana'),
        verdict: 'approve',
        renderHash: digest('d'),
      },
      {
        type: 'decided',
        at: T0 + 4_200,
        ...common('e1.r1', '1'),
        decision: 'approved',
        by: [approver('ana'), approver('bob')],
      },
      {
        type: 'spent',
        at: T0 + 4_300,
        ...common('e1.r1', '1'),
        spend: 'consumed',
        nonce: 'n'.repeat(16),
        trace: trace('1'),
      },
      { type: 'outcome', at: T0 + 4_400, ...common('e1.r1', '1'), outcome: 'executed' },
      requested('e1.r2', '2'),
      { type: 'decided', at: T0 + 900, ...common('e1.r2', '2'), decision: 'denied', by: [approver('ana')] },
      requested('e1.r3', '3', { target: 'crm' }),
    ])
    await store.insertLedger(rows, 'ledger 0-8')
    await store.insertLedger(rows, 'the same entries in another batch')
    await store.insertFindings(
      [
        finding('1', { request_id: 'e1.r1', verification: 'verified' }),
        finding('2', { request_id: 'e1.r2', verification: 'unverifiable', outcome: 'not_run' }),
        finding('6', { request_id: 'e1.r1', verification: 'replayed' }),
        finding('7', {
          name: 'lookup_customer',
          ruling: 'allow',
          rule: 'lookup',
          verification: 'not_required',
        }),
      ],
      'findings',
    )
    await store.insertFindings(
      [finding('2', { request_id: 'e1.r2', verification: 'refused', outcome: 'not_run', judged_at: T0 + 1 })],
      'findings, judged again',
    )
  })

  const action = async (char: string) =>
    reader.query('SELECT * FROM holdpoint_actions WHERE trace_id = {id:String}', { id: char.repeat(32) })

  test('store - an entry that is written twice is one entry', async () => {
    expect(await count('holdpoint_ledger FINAL')).toBe(9)
    const [row] = await reader.query<{ statement: string }>(
      `SELECT statement FROM holdpoint_ledger FINAL WHERE type = 'decided' AND request_id = 'e1.r1'`,
    )
    expect(row?.statement).toBe(encodeEntry(entries.get(3) as LedgerEntry))
  })

  test('store - an approved action stands next to everybody who approved it', async () => {
    expect(await action('1')).toMatchObject([
      {
        request_id: 'e1.r1',
        agent: 'billing-bot',
        agent_sub: 'agent-1',
        owner: 'https://idp#olga',
        on_behalf_of: ['https://idp#uma'],
        ruling: 'hold',
        rule: 'export',
        decision: 'approved',
        approvers: ['ANA', 'BOB'],
        approver_ids: ['https://idp#ana', 'https://idp#bob'],
        refused_by: [],
        assurances: ['login', 'login'],
        channels: ['cli', 'cli'],
        wait_ms: 4_200,
        spend: 'consumed',
        outcome: 'executed',
        verification: 'verified',
        contradicted: 0,
      },
    ])
  })

  test('store - a denied action names who refused it, and the later judgement counts', async () => {
    expect(await action('2')).toMatchObject([
      { decision: 'denied', approvers: [], refused_by: ['ANA'], outcome: 'not_run', verification: 'refused' },
    ])
  })

  test('store - an action that was denied and says that it ran is not shown as not run', async () => {
    const denied = { type: 'decided', at: T0 + 900, ...common('e1.r9', '9') } as const
    await store.insertLedger(
      ledgerRows(20, [
        requested('e1.r9', '9'),
        { ...denied, decision: 'denied', by: [approver('ana')] },
        requested('e1.r8', '8'),
      ]),
      'ledger 20-22',
    )
    const ran = { verification: 'missing', outcome: 'executed' } as const
    const findings = [
      finding('9', { request_id: 'e1.r9', ...ran }),
      finding('8', { request_id: 'e1.r8', ...ran }),
    ]
    await store.insertFindings(findings, 'denied or pending, and run')
    expect(await action('9')).toMatchObject([{ decision: 'denied', ...ran }])
    expect(await action('8')).toMatchObject([{ decision: 'pending', ...ran }])
  })

  test('store - a request without a decision is pending before any span has come', async () => {
    expect(await action('3')).toMatchObject([
      {
        target: 'crm',
        decision: 'pending',
        outcome: 'pending',
        wait_ms: null,
        approvers: [],
        verification: '',
      },
    ])
  })

  test('store - a span that claims an approval of another span gets no approver', async () => {
    expect(await action('6')).toMatchObject([
      {
        request_id: 'e1.r1',
        approvers: [],
        decision: '',
        outcome: 'executed',
        verification: 'replayed',
        agent_sub: '',
      },
    ])
  })

  test('store - an allowed action is there with its ruling', async () => {
    expect(await action('7')).toMatchObject([
      { name: 'lookup_customer', ruling: 'allow', decision: '', wait_ms: null, verification: 'not_required' },
    ])
    expect(await count('holdpoint_actions')).toBe(7)
  })

  test('store - an entry that contradicts one that is there stays beside it', async () => {
    const [row] = ledgerRows(3, [
      { type: 'decided', at: T0, ...common('e1.r1', '1'), decision: 'approved', by: [approver('eve')] },
    ])
    await store.insertLedger([{ ...(row as LedgerRow), leaf_hash: 'f'.repeat(64) }], 'tampered')
    expect(await count('holdpoint_ledger FINAL', `origin = 'e1' AND ledger_index = 3`)).toBe(2)
    expect(await action('1')).toMatchObject([{ contradicted: 1 }])
  })
})
