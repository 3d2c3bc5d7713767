import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  actionsOfTrace,
  createStore,
  type FindingRow,
  type Store,
  spansOfTrace,
  violations,
  whoActed,
} from '#store'
import { digest, finding, ledgerRows, requested, T0, trace } from './action-rows.ts'
import { type RunningEngine, startEngine } from './engine-fixture.ts'
import { at, DAY_MS } from './investigation-scene.ts'
import { spanBlock, spanRow } from './span-rows.ts'

const WEEK = { fromMs: T0 - 7 * DAY_MS, toMs: T0 + 7 * DAY_MS, most: 1000 }
const ofTrace = (char: string) => char.repeat(32)

let engine: RunningEngine
let store: Store
beforeAll(async () => {
  engine = await startEngine({ migrated: true })
  store = createStore(engine.engine.writer)
})
afterAll(async () => {
  await store?.close()
  await engine?.stop()
})
let token = 0
const judged = (...rows: FindingRow[]) => store.insertFindings(rows, `hostile ${token++}`)

const missing = { verification: 'missing', agent: 'real', name: 'AttachRolePolicy' } as const

test('store - a worse finding under the same ids hides no other alarm', async () => {
  await judged(
    at('1', T0, { ...missing, content_digest: digest('1') }),
    at('1', T0, { verification: 'forged', agent: 'decoy', name: 'read_docs', content_digest: digest('2') }),
    at('1', T0, { verification: 'unbound', agent: 'decoy', name: 'read', content_digest: digest('3') }),
    at('1', T0, { verification: 'refused', agent: 'decoy', content_digest: digest('4') }),
  )
  const rows = (await violations(store, WEEK)).filter(({ trace_id }) => trace_id === ofTrace('1'))
  expect(rows.map(({ verification, agent, name }) => [verification, agent, name]).toSorted()).toEqual([
    ['forged', 'decoy', 'read_docs'],
    ['missing', 'real', 'AttachRolePolicy'],
    ['unbound', 'decoy', 'read'],
  ])
  expect(await violations(store, { ...WEEK, agents: ['real'] })).toMatchObject([{ name: 'AttachRolePolicy' }])
  const ofItsTrace = await actionsOfTrace(store, ofTrace('1'), 10)
  expect(ofItsTrace.map(({ name }) => name).toSorted()).toEqual(['AttachRolePolicy', 'read', 'read_docs'])
})

test('store - nor does one of the same kind, whichever content sorts first', async () => {
  await judged(
    ...['1', '2'].map((char) =>
      at('2', T0, {
        ...missing,
        name: char === '1' ? 'decoy' : 'AttachRolePolicy',
        content_digest: digest(char),
      }),
    ),
  )
  const rows = (await violations(store, WEEK)).filter(({ trace_id }) => trace_id === ofTrace('2'))
  expect(rows.map(({ name }) => name).toSorted()).toEqual(['AttachRolePolicy', 'decoy'])
})

test('store - alarms under the ids of an approved action leave the request in one row', async () => {
  await store.insertLedger(
    ledgerRows(500, [
      requested('h3', '3'),
      {
        type: 'spent',
        at: T0 + 1_000,
        requestId: 'h3',
        actionDigest: digest('3'),
        spend: 'consumed',
        nonce: 'n'.repeat(16),
        trace: trace('3'),
      },
    ]),
    'hostile ledger',
  )
  await judged(
    at('3', T0, { request_id: 'h3', verification: 'verified', content_digest: digest('1') }),
    at('3', T0, { request_id: 'h3', verification: 'replayed', content_digest: digest('2') }),
    at('3', T0, { request_id: 'h3', verification: 'forged', name: 'one', content_digest: digest('3') }),
    at('3', T0, { request_id: 'h3', verification: 'forged', name: 'two', content_digest: digest('4') }),
  )
  const rows = (await whoActed(store, WEEK)).filter(({ trace_id }) => trace_id === ofTrace('3'))
  expect(rows.map(({ verification }) => verification).toSorted()).toEqual(['forged', 'forged', 'replayed'])
  expect(rows.filter(({ user }) => user !== '')).toHaveLength(1)
})

test.each([
  ['long before', -400],
  ['long after', 400],
])('store - a span that dates itself %s its arrival is found at its arrival', async (_, days) => {
  const char = days < 0 ? '4' : '5'
  await judged(
    finding(char, {
      ...missing,
      timestamp: at(char, T0 + days * DAY_MS, {}).timestamp,
      judged_at: T0 + 2_000,
      received_at: T0 + 1_000,
      content_digest: digest('1'),
    }),
  )
  const rows = (await violations(store, WEEK)).filter(({ trace_id }) => trace_id === ofTrace(char))
  expect(rows).toMatchObject([{ at: T0 + 1_000, name: 'AttachRolePolicy' }])
})

test('store - what a span allows itself hides nothing that stands under the same ids', async () => {
  await judged(
    at('6', T0, { ...missing, content_digest: digest('1') }),
    at('6', T0, {
      verification: 'not_required',
      ruling: 'allow',
      agent: 'decoy',
      content_digest: digest('2'),
    }),
    at('6', T0, {
      verification: 'not_required',
      ruling: 'allow',
      agent: 'decoy',
      content_digest: digest('1'),
      judged_at: T0 + DAY_MS,
    }),
  )
  const rows = (await violations(store, WEEK)).filter(({ trace_id }) => trace_id === ofTrace('6'))
  expect(rows).toMatchObject([{ agent: 'real', verification: 'missing' }])
})

test('store - a trace that somebody fills shows what ran unapproved all the same', async () => {
  const spanOf = (n: number) => (n + 1).toString(16).padStart(16, '0')
  const noise = Array.from({ length: 50 }, (_, n) => ({ span_id: spanOf(n), content_digest: digest('1') }))
  const observed = { verification: 'observed', agent: 'noise', ruling: 'allow' } as const
  await judged(
    ...noise.map((one) => at('7', T0, { ...observed, ...one })),
    ...noise.map((one, n) =>
      at('7', T0, { ...observed, ...one, verification: 'not_required', span_id: spanOf(n + 100) }),
    ),
    at('7', T0 + 5_000, { ...missing, span_id: 'f'.repeat(16), content_digest: digest('2') }),
  )
  const blocks = spanBlock([
    ...noise.map(({ span_id }) => spanRow(span_id, { TraceId: ofTrace('7') })),
    spanRow('f'.repeat(16), { TraceId: ofTrace('7') }),
  ])
  await store.insertRows(blocks, 'spans')
  const actions = await actionsOfTrace(store, ofTrace('7'), 10)
  expect(actions).toHaveLength(10)
  expect(actions.at(-1)).toMatchObject({ name: 'AttachRolePolicy', verification: 'missing' })
  const spans = await spansOfTrace(store, ofTrace('7'), 10)
  expect(spans.map(({ spanId }) => spanId)).toContain('f'.repeat(16))
})
