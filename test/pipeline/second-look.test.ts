import { afterAll, beforeAll, expect, it } from 'vitest'
import { ATTR } from '#contract'
import { createStore, type FindingRow, type Store } from '#store'
import { findingRowsOf } from '../../src/pipeline/finding-rows.ts'
import { scanTraces } from '../../src/pipeline/otlp/scan.ts'
import { createSecondLook } from '../../src/pipeline/verification/judge-again.ts'
import { createLedgerView } from '../../src/pipeline/verification/ledger-view.ts'
import { createVerifier } from '../../src/pipeline/verification/verifier.ts'
import { type RunningEngine, startEngine } from '../store/engine-fixture.ts'
import { createFakeLog } from '../support/log.ts'
import { aSpan, encodeProtobuf, type SampleSpan, SPAN, TRACE } from './encode.ts'
import { APPROVED_ATTRIBUTES as APPROVED, AT, decided, outcome, policy, requested, spent } from './entries.ts'

let running: RunningEngine
let store: Store
beforeAll(async () => {
  running = await startEngine({ migrated: true })
  store = createStore(running.engine.writer)
  await store.migrate()
})
afterAll(async () => {
  await store?.close()
  await running?.stop()
})

const ARRIVED = AT + 10_000
const announced: FindingRow[] = []
let ledgerIsThere = false
let nowMs = ARRIVED

/** A pipeline that has just been started. */
function createJudge(announce = async (rows: readonly FindingRow[]) => void announced.push(...rows)) {
  const view = createLedgerView()
  for (const entry of [policy(), requested(), decided(), spent(), outcome()]) view.apply(entry)
  const verifier = createVerifier({
    view,
    store,
    now: () => nowMs,
    reader: { read: async () => ledgerIsThere },
    policies: { prepare: async () => {}, table: () => undefined, known: () => [] },
    registrations: { prepare: async () => {}, of: () => undefined },
  })
  const secondLook = createSecondLook({
    judgeAgain: verifier.judgeAgain,
    store,
    announce,
    now: () => nowMs,
    log: createFakeLog(),
  })
  return { verifier, secondLook }
}

const spanOf = (spanId: string, more = {}): SampleSpan =>
  aSpan({ spanId, attributes: { ...APPROVED, ...more } })
const [REPLAY, LIE, ENDLESS] = ['2', '3', '4'].map((digit) => digit.repeat(16)) as [string, string, string]

async function arrive(...spans: SampleSpan[]): Promise<void> {
  const { verifier } = createJudge()
  const ranges = scanTraces(encodeProtobuf({ spans }), verifier.tellingPrefixes())
  const judged = await verifier.judge([{ ranges, receivedAtMs: ARRIVED }])
  await store.insertFindings(findingRowsOf(judged, nowMs), `arrival ${nowMs++}`)
}

const standing = async () => {
  const rows = await store.query<{ span_id: string; verification: string }>(
    'SELECT span_id, verification FROM holdpoint_actions WHERE trace_id = {trace:String}',
    { trace: TRACE },
  )
  return Object.fromEntries(rows.map(({ span_id, verification }) => [span_id, verification]))
}
const kept = () =>
  store.query("SELECT span_id FROM holdpoint_findings FINAL WHERE reason = 'ledger' AND claim != ''")

it('second look - what came while the ledger could not be read is judged once it can be, as of then', async () => {
  await arrive(spanOf(SPAN), spanOf(REPLAY), spanOf(LIE, { [ATTR.approverName]: 'The CEO' }))
  expect(await standing()).toEqual({
    [SPAN]: 'unverifiable',
    [REPLAY]: 'unverifiable',
    [LIE]: 'unverifiable',
  })
  expect(await createJudge().secondLook.run()).toBe(0)
  expect(await kept()).toHaveLength(3)

  ledgerIsThere = true
  nowMs += 60_000
  // Two at the same time find the same.
  await Promise.all([createJudge().secondLook.run(), createJudge().secondLook.run()])
  const words = { [SPAN]: 'verified', [REPLAY]: 'replayed', [LIE]: 'forged' }
  expect(await standing()).toEqual(words)
  expect(
    announced.filter(({ verification }) => verification !== 'verified').map(({ span_id }) => span_id),
  ).toEqual(expect.arrayContaining([REPLAY, LIE]))
  const [lie] = announced.filter(({ span_id }) => span_id === LIE)
  expect(lie).toMatchObject({
    verification: 'forged',
    reason: '',
    claim: '',
    received_at: ARRIVED,
    judged_at: nowMs,
  })
  expect(lie?.detail).toContain('The CEO')
})

it('second look - nothing is judged a third time', async () => {
  expect(await kept()).toEqual([])
  expect(await createJudge().secondLook.run()).toBe(0)
})

it('second look - what a clock ahead of ours has judged is settled all the same, and once', async () => {
  const early = '5'.repeat(16)
  ledgerIsThere = false
  nowMs += 3_600_000
  await arrive(spanOf(early))
  nowMs -= 3_600_000
  ledgerIsThere = true
  expect(await createJudge().secondLook.run()).toBe(1)
  expect(await kept()).toEqual([])
  expect(await standing()).toMatchObject({ [early]: 'replayed' })
})

it('second look - an alarm that could not be told is told the next time', async () => {
  const untold = '6'.repeat(16)
  ledgerIsThere = false
  await arrive(spanOf(untold, { [ATTR.approverName]: 'The CEO' }))
  ledgerIsThere = true
  const away = () => Promise.reject(new Error('NATS is away'))
  await expect(createJudge(away).secondLook.run()).rejects.toThrow('NATS is away')
  expect(await standing()).toMatchObject({ [untold]: 'forged' })
  expect(await createJudge().secondLook.run()).toBe(1)
  expect(announced).toContainEqual(expect.objectContaining({ span_id: untold, verification: 'forged' }))
  expect(await kept()).toEqual([])
})

it('second look - a claim that is too long to keep stays as it is', async () => {
  ledgerIsThere = false
  await arrive(spanOf(ENDLESS, { [ATTR.approverId]: 'x'.repeat(100_000) }))
  ledgerIsThere = true
  expect(await createJudge().secondLook.run()).toBe(0)
  expect((await standing())[ENDLESS]).toBe('unverifiable')
})
