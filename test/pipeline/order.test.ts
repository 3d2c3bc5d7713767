import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ATTR, GEN_AI, type LedgerEntry } from '#contract'
import { parsePolicy } from '#policy'
import { createStore, type Store, toLedgerRow } from '#store'
import { findingRowsOf } from '../../src/pipeline/finding-rows.ts'
import { scanTraces } from '../../src/pipeline/otlp/scan.ts'
import { createLedgerView } from '../../src/pipeline/verification/ledger-view.ts'
import { createPolicyTable } from '../../src/pipeline/verification/rerule.ts'
import { createVerifier, type Verifier } from '../../src/pipeline/verification/verifier.ts'
import { clientOf, type RunningEngine, startEngine } from '../store/engine-fixture.ts'
import { createRandom } from '../support/random.ts'
import { aSpan, encodeProtobuf, type SampleSpan, SPAN } from './encode.ts'
import {
  APPROVED_ATTRIBUTES as APPROVED,
  AT,
  decided,
  outcome,
  policy,
  requested,
  spent,
  UNASKED_ATTRIBUTES as UNASKED,
} from './entries.ts'

let running: RunningEngine
let client: ClickHouseClient
let store: Store
beforeAll(async () => {
  running = await startEngine({ migrated: true })
  store = createStore(running.engine.writer)
  client = clientOf(running.engine.writer)
  await store.migrate()
  const rows = LEDGER.map((entry, index) =>
    toLedgerRow(entry, {
      origin: '1',
      index,
      leafHash: index.toString(16).padStart(64, '0'),
      statement: '{}',
    }),
  )
  await store.insertLedger(rows, 'ledger')
})
afterAll(async () => {
  await client?.close()
  await store?.close()
  await running?.stop()
})

/** One approved request, used up by one span, in a trace of its own. */
interface Place {
  traceId: string
  requestId: string
}
const PLACES: Place[] = Array.from({ length: 40 }, (_, no) => ({
  traceId: (no + 1).toString(16).padStart(32, '0'),
  requestId: `r${no + 1}`,
}))
let taken = 0
function aPlace(): Place {
  const place = PLACES[taken++]
  if (place === undefined) throw new Error('there are more orders than places')
  return place
}
function entriesAt({ traceId, requestId }: Place): LedgerEntry[] {
  const at = { requestId, trace: { traceId, spanId: SPAN } }
  return [requested(at), decided({ requestId }), spent(at), outcome({ requestId })]
}
const LEDGER: LedgerEntry[] = [policy(), ...PLACES.flatMap(entriesAt)]
const TABLE = createPolicyTable(
  parsePolicy(`
holdpoint: 1
defaults: { effect: hold, approvals: { from: [sre] } }
groups: { sre: ["oidc:https://idp.test#group/sre"] }
rules: [{ id: lookup, match: { kind: tool, name: "lookup_*" }, effect: allow }]
`),
  { version: 1, hash: policy().hash },
)

/** One pipeline: what it has seen is its own, the tables are everybody's. */
function createJudge(query: Store['query'] = store.query): Verifier {
  const view = createLedgerView()
  for (const entry of LEDGER) view.apply(entry)
  return createVerifier({
    view,
    store: { query },
    now: () => AT + 10_000,
    reader: { read: async () => true },
    policies: { prepare: async () => {}, table: () => TABLE, known: () => [TABLE] },
    registrations: { prepare: async () => {}, of: () => undefined },
  })
}

const FOREIGN = { [GEN_AI.operationName]: 'execute_tool', [GEN_AI.toolName]: 'export_customers' }
const LOOKUP = { ...UNASKED, [GEN_AI.toolName]: 'lookup_customer' }
const [OTHER, FIRST_CHILD, SECOND_CHILD] = ['2', '3', '4'].map((digit) => digit.repeat(16)) as [
  string,
  string,
  string,
]
const child = (spanId: string, more = {}) =>
  aSpan({ spanId, parentSpanId: SPAN, attributes: { ...FOREIGN, ...more } })

/** What can come under one approval: honest spans, and ways to use it twice or to cover that up. */
const SPANS: SampleSpan[] = [
  aSpan({ attributes: APPROVED }),
  aSpan({ attributes: { ...APPROVED, more: 'x' } }),
  aSpan({ attributes: LOOKUP }),
  aSpan({ attributes: { ...APPROVED, [ATTR.approverName]: 'The CEO' } }),
  aSpan({ attributes: { ...APPROVED, [ATTR.outcome]: 'not_run' } }),
  aSpan({ spanId: OTHER, attributes: APPROVED }),
  aSpan({ spanId: OTHER, attributes: LOOKUP }),
  aSpan({ spanId: OTHER, attributes: UNASKED }),
  aSpan({ spanId: '5'.repeat(16), attributes: LOOKUP }),
  aSpan({ spanId: '5'.repeat(16), attributes: { ...LOOKUP, more: 'x' } }),
  child(FIRST_CHILD),
  child(FIRST_CHILD, { more: 'x' }),
  child(SECOND_CHILD),
]

let batches = 0
async function judgeAndStore(
  verifier: Verifier,
  { traceId, requestId }: Place,
  spans: readonly SampleSpan[],
): Promise<void> {
  const there = spans.map(({ attributes = {}, ...span }) => ({
    ...span,
    traceId,
    attributes: ATTR.approvalId in attributes ? { ...attributes, [ATTR.approvalId]: requestId } : attributes,
  }))
  const ranges = scanTraces(encodeProtobuf({ spans: there }), verifier.tellingPrefixes())
  const judged = await verifier.judge([{ ranges, receivedAtMs: AT + 10_000 }])
  await store.insertFindings(findingRowsOf(judged, AT + 10_000 + batches), `batch ${batches++}`)
}

async function forget(): Promise<void> {
  for (const table of ['holdpoint_findings', 'holdpoint_activity'])
    await client.command({ query: `TRUNCATE TABLE ${table}` })
}

type Standing = Record<string, unknown> & { span_id: string; verification: string }

/** What stands in each of them in the end. */
async function standing(places: readonly Place[]): Promise<Standing[][]> {
  const rows = await store.query<Standing & Record<'trace_id' | 'request_id', string>>(
    `SELECT * EXCEPT judged_at FROM holdpoint_actions WHERE has({traces:Array(String)}, trace_id)
     ORDER BY span_id, request_id, name, verification`,
    { traces: places.map(({ traceId }) => traceId) },
  )
  return places.map(({ traceId, requestId }) =>
    rows
      .filter(({ trace_id }) => trace_id === traceId)
      .map(({ trace_id: _, request_id, ...row }) => ({ ...row, isOfRequest: request_id === requestId })),
  )
}

const shuffled = <T>(all: readonly T[], random: () => number): T[] =>
  all
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)

it.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'findings - any order and any split over two judges end in the same actions (seed %i)',
  async (seed) => {
    const random = createRandom(seed)
    const some = SPANS.filter(() => random() < 0.4)
    // An exporter that got no answer sends a span again.
    const spans = [...some, ...some.filter(() => random() < 0.3)]
    // Which of several is shown depends on their ids, too: all orders are of one trace.
    const place = aPlace()
    const ends: Standing[][] = []
    for (let order = 0; order < 3; order++) {
      await forget()
      const judges = [createJudge(), createJudge()] as const
      const left = shuffled(spans, random)
      while (left.length > 0) {
        const at = left.splice(0, 1 + Math.floor(random() * 3))
        const too = left.splice(0, Math.floor(random() * 3))
        // At the same time, or one after the other.
        await Promise.all([judgeAndStore(judges[0], place, at), judgeAndStore(judges[1], place, too)])
      }
      ends.push(...(await standing([place])))
    }
    expect(ends[1]).toEqual(ends[0])
    expect(ends[2]).toEqual(ends[0])
  },
)

const [
  A,
  B,
  LOOKUP_OF_A,
  FORGED,
  NOT_RUN,
  AGAIN,
  ,
  UNASKED_THERE,
  HARMLESS,
  HARMLESS_TOO,
  CHILD,
  CHILD_TOO,
  SECOND,
] = SPANS as [SampleSpan, ...SampleSpan[]]

/** Span and word. */
const inShort = (rows: readonly Standing[]): string[] =>
  rows.map(({ span_id, verification }) => `${span_id[0]} ${verification}`)

it.each<[string, (SampleSpan | undefined)[], string[]]>([
  ['the consumer alone', [A], ['b verified']],
  ['the consumer, sent again', [A, A], ['b verified']],
  ['two contents under its ids', [A, B], ['b replayed']],
  ['a harmless content under its ids', [A, LOOKUP_OF_A], ['b replayed', 'b unbound']],
  ['a lie under its ids', [A, FORGED], ['b forged', 'b replayed']],
  ['two words of one span about what it did', [A, NOT_RUN], ['b forged', 'b replayed']],
  ['another span that claims it', [A, AGAIN], ['2 replayed', 'b verified']],
  ['a harmless content under the ids of a replay', [AGAIN, SPANS[6]], ['2 not_required', '2 replayed', 'b ']],
  [
    'a harmless content under the ids of what nobody decided',
    [UNASKED_THERE, SPANS[6]],
    ['2 missing', '2 not_required', 'b '],
  ],
  ['two harmless contents', [HARMLESS, HARMLESS_TOO], ['5 not_required', 'b ']],
  ['an effect, which is no action', [A, CHILD], ['b verified']],
  ['an effect, sent again', [A, CHILD, CHILD], ['b verified']],
  ['two effects', [A, CHILD, SECOND], ['4 replayed', 'b verified']],
  ['two contents of an effect', [A, CHILD, CHILD_TOO], ['3 replayed', 'b verified']],
])('findings - %s', async (_, spans, expected) => {
  const orders = [spans, [...spans].reverse()].map((order) => ({ order, place: aPlace() }))
  // Nobody has seen what the others have: the tables alone tell.
  for (const { order, place } of orders)
    await Promise.all(order.map((span) => judgeAndStore(createJudge(), place, span ? [span] : [])))
  for (const rows of await standing(orders.map(({ place }) => place)))
    expect(inShort(rows).map((one) => one.replace(/^[34] replayed/, 'child replayed'))).toEqual(
      expected.map((one) => one.replace(/^[34] replayed/, 'child replayed')),
    )
})

it('findings - of a trace into which somebody has put a thousand, a look at one place reads two', async () => {
  const place = aPlace()
  const flood = Array.from({ length: 1_000 }, (_, no) =>
    aSpan({
      spanId: no % 2 ? OTHER : (no + 1).toString(16).padStart(16, '0'),
      attributes: { ...UNASKED, no: BigInt(no) },
    }),
  )
  await judgeAndStore(createJudge(), place, [...flood, aSpan({ spanId: OTHER, attributes: LOOKUP })])
  await judgeAndStore(createJudge(), place, [aSpan({ attributes: { ...APPROVED, first: true } })])
  const read: number[] = []
  const judge = createJudge(async (...asked) => {
    const rows = await store.query(...asked)
    read.push(rows.length)
    return rows as never
  })
  await judgeAndStore(judge, place, [aSpan({ attributes: APPROVED })])
  expect(read).toEqual([1])
  const [rows = []] = await standing([place])
  expect(inShort(rows)).toContain('b replayed')
})

it('findings - while a batch is judged, others get their turn', async () => {
  const verifier = createJudge()
  const spans = Array.from({ length: 1_000 }, () =>
    aSpan({ attributes: { ...LOOKUP, long: 'x'.repeat(2_000) } }),
  )
  const ranges = scanTraces(encodeProtobuf({ spans }), verifier.tellingPrefixes())
  let turns = 0
  let next = setImmediate(function turn() {
    turns++
    next = setImmediate(turn)
  })
  await verifier.judge([{ ranges, receivedAtMs: AT + 10_000 }])
  clearImmediate(next)
  expect(turns).toBeGreaterThan(10)
})
