import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LedgerEntry, Verification } from '#contract'
import { createStore, type FindingRow, type Store, unixNanoText } from '#store'
import { createRandom } from '../support/random.ts'
import { approver, digest, finding, ledgerRows, requested, T0 } from './action-rows.ts'
import { type RunningEngine, startEngine } from './engine-fixture.ts'

let running: RunningEngine
let store: Store
let reader: Store
beforeAll(async () => {
  running = await startEngine({ migrated: true })
  store = createStore(running.engine.writer)
  reader = createStore(running.engine.reader)
})
afterAll(async () => {
  await store?.close()
  await reader?.close()
  await running?.stop()
})

const WORDS: Verification[] = [
  'verified',
  'not_required',
  'refused',
  'observed',
  'unverifiable',
  'missing',
  'forged',
  'unbound',
  'replayed',
]
const random = createRandom(7)
const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T
const maybe = <T>(one: T): T[] => (random() < 0.5 ? [one] : [])

/** Some traces that have to do with each other, and with nothing else. */
interface Scene {
  traces: string[]
  ledger: LedgerEntry[]
  findings: FindingRow[]
}
let clock = T0

function createScene(no: number): Scene {
  const traces = ['a', 'b'].map((char) => char + no.toString(16).padStart(31, '0'))
  const spans = ['1', '2', '3'].map((char) => char.repeat(16))
  const place = () => ({ traceId: oneOf(traces), spanId: oneOf(spans) })
  const requests = [`r${no}.1`, `r${no}.2`]
  return { traces, ledger: requests.flatMap(request), findings: Array.from({ length: 9 }, judged) }

  function request(requestId: string): LedgerEntry[] {
    const common = { at: clock++, requestId, actionDigest: digest('a') }
    const decision = oneOf(['approved', 'denied'] as const)
    return [
      requested(requestId, '0', { at: clock++, trace: place(), process: oneOf(['p1', undefined]) }),
      ...maybe({ type: 'decided', ...common, decision, by: [approver('ana')] } as LedgerEntry),
      ...maybe({
        type: 'spent',
        ...common,
        spend: 'consumed',
        nonce: 'n'.repeat(16),
        trace: place(),
      } as LedgerEntry),
      ...maybe({ type: 'outcome', ...common, outcome: 'executed' } as LedgerEntry),
    ]
  }

  function judged(): FindingRow {
    const { traceId, spanId } = place()
    const content = oneOf(['c', 'd', 'e'])
    const verification = oneOf(WORDS)
    const isQuiet = verification === 'not_required'
    const judgedAt = clock++
    return finding('0', {
      trace_id: traceId,
      span_id: spanId,
      // One content says one time. Some dates itself to where it cannot be believed.
      timestamp: unixNanoText(BigInt(content === 'e' ? 1_000 : T0 + spans.indexOf(spanId)) * 1_000_000n),
      name: content,
      detail: isQuiet ? '' : `judged at ${judgedAt}`,
      content_digest: random() < 0.1 ? '' : digest(content),
      request_id: isQuiet ? '' : oneOf(['', ...requests, 'nobody knows it']),
      effect_of: isQuiet || random() < 0.6 ? '' : oneOf(spans),
      reason: verification === 'unverifiable' ? oneOf(['ledger', 'policy', 'span', 'word']) : '',
      verification,
      judged_at: judgedAt,
      received_at: T0 + 1_000 + Math.floor(random() * 2),
    })
  }
}

test('store - whatever the ledger and the findings hold, actions of a trace are those of ever that are of it', async () => {
  const scenes = Array.from({ length: 16 }, (_, no) => createScene(no))
  await store.insertLedger(
    ledgerRows(
      0,
      scenes.flatMap(({ ledger }) => ledger),
    ),
    'ledger',
  )
  // In two batches: what is still to be merged, too.
  for (const half of [0, 1])
    await store.insertFindings(
      scenes.flatMap(({ findings }) => findings.filter((_, at) => at % 2 === half)),
      `findings ${half}`,
    )
  const byTrace = new Map<string, object[]>()
  const order = 'ORDER BY trace_id, span_id, request_id, verification, name, detail, at'
  for (const row of await reader.query<{ trace_id: string }>(
    `SELECT * EXCEPT judged_at FROM holdpoint_actions ${order}`,
  ))
    byTrace.set(row.trace_id, [...(byTrace.get(row.trace_id) ?? []), row])
  const found: object[] = []
  for (const id of scenes.flatMap(({ traces }) => traces)) {
    const rows = await reader.query(
      `SELECT * EXCEPT judged_at FROM holdpoint_actions_of_trace(trace_id = {id:String}) ${order}`,
      { id },
    )
    expect(rows, id).toEqual(byTrace.get(id) ?? [])
    found.push(...rows)
  }
  // Nothing of it is left out of the comparison, and every word is in it.
  expect(found.length).toBe([...byTrace.values()].flat().length)
  const words = new Set(found.map((row) => (row as { verification: string }).verification))
  expect(words).toEqual(new Set(['', ...WORDS]))
}, 60_000)
