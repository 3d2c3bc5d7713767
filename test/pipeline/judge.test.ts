import { beforeEach, describe, expect, it } from 'vitest'
import { digestBytes, HoldpointError, type Verification } from '#contract'
import { parsePolicy } from '#policy'
import { scanTraces } from '../../src/pipeline/otlp/scan.ts'
import type { JudgedPiece } from '../../src/pipeline/verification/judged.ts'
import { createLedgerReader } from '../../src/pipeline/verification/ledger-reader.ts'
import { createLedgerView, type LedgerView } from '../../src/pipeline/verification/ledger-view.ts'
import { createPolicyTable, type PolicyTable } from '../../src/pipeline/verification/rerule.ts'
import { createVerifier, type Verifier } from '../../src/pipeline/verification/verifier.ts'
import { createFakeLog } from '../support/log.ts'
import { aSpan, encodeProtobuf, type Sample, type SampleSpan, SPAN } from './encode.ts'
import { APPROVED_ATTRIBUTES, AT, decided, policy, requested, spent, UNASKED_ATTRIBUTES } from './entries.ts'

let view: LedgerView
let barriers: number
let nowMs: number
beforeEach(() => {
  view = createLedgerView()
  barriers = 0
  nowMs = AT + 10_000
})

interface Circumstances {
  /** How often the barrier fails before it delivers the entries. */
  failures?: number
  waitMs?: number
  table?: PolicyTable
  /** Rows that stand in the store. */
  standing?: object[]
}

function verifierWith({ failures = 0, waitMs = 0, table, standing = [] }: Circumstances = {}): Verifier {
  const now = () => nowMs
  const log = createFakeLog()
  const reader = createLedgerReader({
    waitMs,
    now,
    log,
    async barrier() {
      if (++barriers <= failures) throw new HoldpointError('LEDGER_UNAVAILABLE')
      if (view.request('r1') === undefined)
        for (const entry of [policy(), requested(), decided(), spent()]) view.apply(entry)
    },
  })
  return createVerifier({
    view,
    reader,
    now,
    policies: { prepare: async () => {}, table: () => table, known: () => (table ? [table] : []) },
    registrations: { prepare: async () => {}, of: () => undefined },
    store: { query: async <Row>() => standing as Row[] },
  })
}

const pieceOf = (verifier: Verifier, ...spans: SampleSpan[]): JudgedPiece => ({
  ranges: scanTraces(encodeProtobuf({ spans }), verifier.tellingPrefixes()),
  receivedAtMs: AT + 10_000,
})
const spanWith = (attributes: Record<string, Sample>): SampleSpan => aSpan({ name: 'x', attributes })

async function judge(verifier: Verifier, ...spans: SampleSpan[]): Promise<Verification[]> {
  const { actions } = await verifier.judge([pieceOf(verifier, ...spans)])
  return [...actions.values()].map(({ verdict }) => verdict.verification)
}
const verdicts = (circumstances: Circumstances, ...all: Record<string, Sample>[]) =>
  judge(verifierWith(circumstances), ...all.map(spanWith))

describe('judging a batch', () => {
  it('judge - the ledger is read as far as the arrival before anything is compared', async () => {
    expect(await verdicts({}, APPROVED_ATTRIBUTES)).toEqual(['verified'])
    expect(barriers).toBe(1)
  })

  it('judge - all pieces of a batch, and batches at the same time, share one look at the ledger', async () => {
    const verifier = verifierWith()
    const piece = () => pieceOf(verifier, spanWith(APPROVED_ATTRIBUTES))
    const judged = await Promise.all([verifier.judge([piece(), piece(), piece()]), verifier.judge([piece()])])
    expect(judged.map(({ actions }) => actions.size)).toEqual([3, 1])
    expect(barriers).toBe(1)
    await verifier.judge([piece()])
    expect(barriers).toBe(2)
  })

  it('judge - a ledger that answers late is asked again', async () => {
    expect(await verdicts({ failures: 2 }, APPROVED_ATTRIBUTES)).toEqual(['verified'])
    expect(barriers).toBe(3)
  })

  it('judge - a ledger that does not answer makes actions unverifiable, never forged or verified', async () => {
    const verifier = verifierWith({ failures: 99 })
    const { actions } = await verifier.judge([
      pieceOf(verifier, spanWith(APPROVED_ATTRIBUTES), spanWith(UNASKED_ATTRIBUTES)),
    ])
    expect([...actions.values()].map(({ verdict }) => verdict)).toMatchObject(
      Array(2).fill({ verification: 'unverifiable', reason: 'ledger' }),
    )
    expect(barriers).toBe(3)
  })

  it('judge - what can wait waits for the ledger, for so long and no longer', async () => {
    const verifier = verifierWith({ failures: 5, waitMs: 60_000 })
    const unavailable = { code: 'LEDGER_UNAVAILABLE', retryable: true }
    await expect(judge(verifier, spanWith(APPROVED_ATTRIBUTES))).rejects.toMatchObject(unavailable)
    nowMs += 59_999
    await expect(judge(verifier, spanWith(APPROVED_ATTRIBUTES))).rejects.toMatchObject(unavailable)
    nowMs += 1
    expect(await judge(verifier, spanWith(APPROVED_ATTRIBUTES))).toEqual(['unverifiable'])
    // It is back.
    expect(await judge(verifier, spanWith(APPROVED_ATTRIBUTES))).toEqual(['verified'])
  })

  it('judge - a batch without actions does not ask the ledger', async () => {
    expect(await verdicts({ failures: 99 }, { 'http.route': '/' }, {})).toEqual([])
    expect(barriers).toBe(0)
  })

  it('judge - a policy that cannot be had allows nothing', async () => {
    const span = aSpan({ spanId: '2222222222222222', attributes: UNASKED_ATTRIBUTES })
    expect(await judge(verifierWith(), span)).toEqual(['unverifiable'])
  })

  it('judge - two contents under the same ids: the second is a replay, and so is the first once more', async () => {
    expect(await verdicts({}, APPROVED_ATTRIBUTES, APPROVED_ATTRIBUTES)).toEqual(['verified', 'verified'])
    expect(
      await verdicts({}, APPROVED_ATTRIBUTES, { ...APPROVED_ATTRIBUTES, more: 'x' }, APPROVED_ATTRIBUTES),
    ).toEqual(['verified', 'replayed', 'replayed'])
  })

  it('judge - the same ids with another content are a replay, though another process has judged the first', async () => {
    const stands = (content: string) => [
      { traceId: aSpan().traceId, spanId: SPAN, effectOf: '', content: digestBytes(content) },
    ]
    expect(await verdicts({ standing: stands('another') }, APPROVED_ATTRIBUTES)).toEqual(['replayed'])
  })
})

const WITH_PLAIN = createPolicyTable(
  parsePolicy(`
holdpoint: 1
defaults: { effect: hold, approvals: { from: [sre] } }
groups: { sre: ["oidc:https://idp.test#group/sre"] }
rules:
  - { id: read, match: { kind: db, name: "SELECT *" }, effect: allow }
  - { id: scratch, match: { kind: db, name: "* scratch.*" }, effect: allow }
  - { id: delete, match: { kind: db, name: "DELETE *" }, effect: hold }
  - { id: exports, match: { kind: aws, name: "export_*" }, effect: hold }
  - { id: everything, match: { environment: prod }, effect: hold }
`),
  { version: 1, hash: policy().hash },
)

describe('spans of any instrumentation', () => {
  const BELOW = { spanId: '3333333333333333', parentSpanId: SPAN, kind: 3 }
  const query = (text: string, over: SampleSpan = {}) =>
    aSpan({
      name: 'query',
      ...BELOW,
      attributes: { 'db.system': 'postgresql', 'db.statement': text },
      ...over,
    })

  const judgePlain = (...spans: SampleSpan[]) => judge(verifierWith({ table: WITH_PLAIN }), ...spans)

  it('judge - only kinds that some rule names make a span an action, and no default does', async () => {
    expect(await judgePlain(query('DELETE FROM customers'))).toEqual(['missing'])
    expect(await judgePlain(query('SELECT * FROM customers'))).toEqual([])
    expect(await judgePlain(query('UPDATE customers SET x = 1'))).toEqual([])
    expect(
      await judgePlain(
        aSpan({ name: 'GET', kind: 3, attributes: { 'http.method': 'DELETE', 'http.url': 'http://x/' } }),
      ),
    ).toEqual([])
    expect(verifierWith({ table: WITH_PLAIN }).tellingPrefixes()).toEqual([
      'holdpoint.',
      'gen_ai.',
      'rpc.',
      'aws.',
      'db.',
    ])
    expect(verifierWith().tellingPrefixes()).toEqual(['holdpoint.', 'gen_ai.'])
  })

  it('judge - a rule for one name of an action is a rule for it, and the first in the policy rules', async () => {
    expect(await judgePlain(query('DELETE FROM scratch.tmp'))).toEqual([])
    expect(await judgePlain(query('DELETE FROM Scratch.tmp'))).toEqual([])
    expect(await judgePlain(query('DELETE FROM tmp'))).toEqual(['missing'])
    expect(await judgePlain(query('DELETE FROM scratch.tmp; DELETE FROM tmp'))).toEqual(['missing'])
  })

  it('judge - of several statements the strictest counts, and what cannot be read may be anything', async () => {
    expect(await judgePlain(query('SELECT 1; DELETE FROM customers'))).toEqual(['missing'])
    expect(await judgePlain(query("SELECT 'it''s; DELETE FROM x'"))).toEqual([])
    expect(await judgePlain(query('SELECT * FROM a; DO $$ BEGIN EXECUTE x; END $$'))).toEqual([
      'unverifiable',
    ])
    expect(await judgePlain(query("SELECT 'cut in the mid"))).toEqual(['unverifiable'])
  })

  const approvedQuery = (verifier: Verifier) => {
    for (const entry of [policy(), requested({ kind: 'db', name: 'DELETE customers' }), decided(), spent()])
      view.apply(entry)
    return (...spans: SampleSpan[]) => judge(verifier, ...spans)
  }

  it('judge - the effect of an approved action is that one, and a second effect is a replay', async () => {
    const judgeThen = approvedQuery(verifierWith({ table: WITH_PLAIN }))
    expect(await judgeThen(query('DELETE FROM customers'))).toEqual(['verified'])
    expect(await judgeThen(query('DELETE FROM customers'))).toEqual(['verified'])
    expect(await judgeThen(query('DELETE FROM customers', { spanId: '4444444444444444' }))).toEqual([
      'replayed',
    ])
    expect(await judgeThen(query('DELETE FROM customers'))).toEqual(['replayed'])
  })

  it.each<[string, SampleSpan]>([
    ['another action', query('DELETE FROM orders')],
    ['that action and another', query('DELETE FROM customers; DELETE FROM orders')],
    ['one that hides part of itself', query("DELETE FROM customers; SELECT 'cut")],
    ['one in another trace', query('DELETE FROM customers', { traceId: '1'.repeat(32) })],
    ['one below another span', query('DELETE FROM customers', { parentSpanId: '5'.repeat(16) })],
    [
      'one with another target',
      query('DELETE FROM customers', {
        attributes: { 'db.system': 'postgresql', 'db.statement': 'DELETE FROM customers', 'db.name': 'crm' },
      }),
    ],
  ])('judge - an approval does not cover %s', async (_, span) => {
    const [verdict] = await approvedQuery(verifierWith({ table: WITH_PLAIN }))(span)
    expect(verdict).toBe('missing')
  })

  it('judge - one request whose path can be read in several ways is the approved one by any of them', async () => {
    const table = createPolicyTable(
      parsePolicy(`
holdpoint: 1
defaults: { effect: hold, approvals: { from: [sre] } }
groups: { sre: ["oidc:https://idp.test#group/sre"] }
rules: [{ id: web, match: { kind: http, name: "DELETE *" }, effect: hold }]
`),
      { version: 1, hash: policy().hash },
    )
    const sent = (path: string) =>
      aSpan({
        ...BELOW,
        name: 'DELETE',
        attributes: { 'http.request.method': 'DELETE', 'url.full': `https://crm.test${path}` },
      })
    const target = 'https://crm.test'
    for (const entry of [
      policy(),
      requested({ kind: 'http', name: 'DELETE /v1/customers/7', target }),
      decided(),
      spent(),
    ])
      view.apply(entry)
    expect(await judge(verifierWith({ table }), sent('/v1/x/../customers/7'))).toEqual(['verified'])
    expect(await judge(verifierWith({ table }), sent('/v1/customers/8'))).toEqual(['missing'])
    expect(await judge(verifierWith({ table }), sent('/v1/x/../customers/8'))).toEqual(['missing'])
  })

  it('judge - attributes of ours make nothing harmless of what an instrumentation saw', async () => {
    const worn = (attributes: Record<string, Sample>) =>
      query('', { attributes: { 'db.system': 'mysql', 'db.statement': 'DELETE FROM a', ...attributes } })
    for (const attributes of [
      { 'holdpoint.action.kind': 'db', 'gen_ai.tool.name': 'SELECT a' },
      { 'holdpoint.outcome': 'not_run' },
      { 'holdpoint.ruling': 'allow', 'gen_ai.operation.name': 'execute_tool' },
      { 'holdpoint.verification': 'verified' },
    ])
      expect(await judgePlain(worn(attributes))).toEqual(['missing'])
  })

  it('judge - an effect that another process has seen makes this one a replay', async () => {
    const seen = {
      traceId: aSpan().traceId,
      spanId: '6666666666666666',
      effectOf: SPAN,
      content: digestBytes('x'),
    }
    const judgeThen = approvedQuery(verifierWith({ table: WITH_PLAIN, standing: [seen] }))
    expect(await judgeThen(query('DELETE FROM customers'))).toEqual(['replayed'])
  })
})
