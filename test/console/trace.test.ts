import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Digest, encodeEntry, type LedgerEntry } from '#contract'
import { createStore, type FindingRow, type Store, toLedgerRow, unixNanoText } from '#store'
import { placeSpans } from '../../src/console/trace/tree.ts'
import { type RunningEngine, startEngine } from '../store/engine-fixture.ts'
import { insertSpans, type SpanRow, spanRow } from '../store/span-rows.ts'
import { reviewAs } from '../support/held.ts'
import { type Scene, startScene } from './scene.ts'

let running: RunningEngine
let writer: Store
let reader: Store
let scene: Scene
beforeAll(async () => {
  running = await startEngine({ migrated: true })
  writer = createStore(running.engine.writer)
  reader = createStore(running.engine.reader)
  await writer.migrate()
  // A busy machine is no slow store.
  scene = await startScene({ store: reader, patienceMs: 60_000 })
}, 30_000)
afterAll(async () => {
  await scene?.stop()
  await Promise.all([writer.close(), reader.close()])
  await running.stop()
})

const T0 = 1_790_000_000_000
const digest = `sha-256:${'a'.repeat(64)}` as Digest
const traceOf = (char: string) => ({ traceId: char.repeat(32), spanId: char.repeat(16) })

const span = (char: string, at: number, more: Partial<SpanRow> = {}): SpanRow =>
  spanRow(char.repeat(16), {
    Timestamp: unixNanoText(BigInt(T0 + at) * 1_000_000n),
    TraceId: char.repeat(32),
    SpanName: 'execute_tool grant_role',
    ServiceName: 'support',
    SpanAttributes: {},
    Duration: '4000000000',
    ...more,
  })

/** What the pipeline stores of a request that was approved and ran. */
async function storeApproved(requestId: string, char: string): Promise<void> {
  const by = {
    iss: 'https://idp',
    sub: 'carol',
    name: 'Carol Chen',
    assurance: 'login',
    channel: 'console',
    evidence: digest,
  }
  const about = { requestId, actionDigest: digest }
  const entries = [
    {
      type: 'requested',
      at: T0,
      ...about,
      agent: { iss: 'hp', sub: 'support-agent', name: 'Support agent' },
      owner: { iss: 'https://idp', sub: 'alice' },
      environment: 'prod',
      enforcement: 'in-process:support-agent',
      onBehalfOf: [],
      kind: 'tool',
      name: 'grant_role',
      process: 'p1',
      trace: traceOf(char),
      ruling: { effect: 'hold', rule: 'roles', policyVersion: 1, policyHash: digest },
      approvals: { from: ['sre'], threshold: 1, assurance: 'login' },
      expiresAt: T0 + 900_000,
      validForMs: 60_000,
      renderHash: digest,
    },
    { type: 'decided', at: T0 + 3_000, ...about, decision: 'approved', by: [by] },
    {
      type: 'spent',
      at: T0 + 3_100,
      ...about,
      spend: 'consumed',
      nonce: 'n'.repeat(16),
      trace: traceOf(char),
    },
    { type: 'outcome', at: T0 + 3_200, ...about, outcome: 'executed' },
  ] as LedgerEntry[]
  const rows = entries.map((entry, at) =>
    toLedgerRow(entry, {
      origin: `trace-${char}`,
      index: at,
      leafHash: `${at}`.padStart(64, '0'),
      statement: encodeEntry(entry),
    }),
  )
  await writer.insertLedger(rows, `ledger ${char}`)
}

const finding = (char: string, requestId: string): FindingRow => ({
  trace_id: char.repeat(32),
  span_id: char.repeat(16),
  timestamp: unixNanoText(BigInt(T0) * 1_000_000n),
  service_name: 'support',
  agent: 'Support agent',
  environment: 'prod',
  kind: 'tool',
  name: 'grant_role',
  target: '',
  ruling: 'hold',
  rule: 'roles',
  policy_version: 1,
  request_id: requestId,
  outcome: 'executed',
  verification: 'forged',
  detail: 'the span names another approver',
  content_digest: '',
  judged_at: T0,
})

const cardOf = async (char: string): Promise<string> => {
  const id = await scene.hold({ name: 'grant_role', trace: traceOf(char) })
  const page = await scene.browser('bob').page(`/requests/${id}`)
  return page.slice(page.indexOf('<section id="trace"'))
}

describe('a request’s trace', () => {
  test('console - who acted and who authorized it stand beside the span, out of the ledger and not out of the span', async () => {
    await insertSpans(
      writer,
      [
        span('c', 0, {
          SpanAttributes: {
            'gen_ai.tool.name': 'grant_role',
            'holdpoint.verification': 'verified',
            'holdpoint.approval.approver.name': 'Mallory',
          },
        }),
        span('c', 10, {
          SpanId: 'd'.repeat(16),
          ParentSpanId: 'c'.repeat(16),
          SpanName: 'await_approval grant_role',
        }),
      ],
      'spans c',
    )
    await storeApproved('e.c', 'c')
    await writer.insertFindings([finding('c', 'e.c')], 'finding c')
    const trace = await cardOf('c')
    expect(trace).toContain('<b>Acted</b> Support agent')
    expect(trace).toContain('<b>Authorized</b> Carol Chen')
    expect(trace).toContain('<span class="finding stop">forged</span>')
    expect(trace).toContain('gen_ai.tool.name')
    expect(trace).not.toContain('Mallory')
    expect(trace).not.toContain('holdpoint.')
    expect(trace).toMatch(/<li class="span wait">[\s\S]*waiting for people/)
  })

  test('console - names and attributes of spans stay text', async () => {
    const evil = '<img src=x onerror=alert(1)>\u202e'
    await insertSpans(
      writer,
      [
        span('e', 0, {
          SpanName: evil,
          ServiceName: evil,
          StatusMessage: evil,
          SpanAttributes: { [evil]: evil },
        }),
      ],
      'spans e',
    )
    const trace = await cardOf('e')
    expect(trace).toContain('&lt;img src=x onerror=alert(1)&gt;\\u{202e}')
    expect(trace).not.toMatch(/<img|\u202e/)
  })

  test('console - of very many spans and attributes a bounded number is shown, and that is said', async () => {
    const many = Array.from({ length: 400 }, (_, at) =>
      span('f', at, {
        SpanId: at.toString(16).padStart(16, '0'),
        SpanAttributes: Object.fromEntries(
          Array.from({ length: 40 }, (_, n) => [`key${n}`, 'v'.repeat(5_000)]),
        ),
      }),
    )
    await insertSpans(writer, many, 'spans f')
    const trace = await cardOf('f')
    expect(trace).toContain('Only 300 of its spans are shown, what ran unapproved among them.')
    expect(trace.match(/<li class="span/g)).toHaveLength(300)
    expect(trace.length).toBeLessThan(2_500_000)
  })

  test('console - a trace that has not arrived is said to be missing', async () => {
    expect(await cardOf('9')).toContain('Nothing of this trace has arrived yet')
    expect(await cardOf('0')).toContain('does not trace')
    const id = await scene.hold({ trace: traceOf('8') })
    await reviewAs(scene.house, 'bob', id)
    expect(await scene.browser('bob').page(`/requests/${id}`)).toContain('has arrived in ClickHouse yet')
  })

  test('console - a store that fails costs the trace, and nothing else', async () => {
    const store = { query: () => Promise.reject(new Error('down')) }
    const broken = await startScene({ house: scene.house, store })
    const page = await broken.browser('bob').page(`/requests/${await broken.hold()}`)
    expect(page).toContain('ClickHouse did not answer')
    expect(page).toContain('value="approve"')
    expect(page).toMatch(/<\/html>\s*$/)
  })
})

test('console - spans that name each other, themselves or nobody as parent are each shown once', () => {
  const of = (spanId: string, parentSpanId: string) => ({
    spanId,
    parentSpanId,
    name: spanId,
    kind: '',
    service: '',
    startNs: '1790000000000000001',
    durationNs: '1',
    status: '',
    statusMessage: '',
    attributes: [],
  })
  const spans = [
    of('a', 'b'),
    of('b', 'a'),
    of('c', 'c'),
    of('d', 'gone'),
    of('e', 'd'),
    of('e', 'd'),
    of('', ''),
  ]
  const { placed } = placeSpans(spans)
  expect(placed).toHaveLength(spans.length)
  expect(new Set(placed.map(({ span }) => span)).size).toBe(spans.length)
  expect(placed.find(({ span }) => span.spanId === 'e')?.depth).toBe(1)
  expect(placeSpans([]).placed).toEqual([])
})
