import { beforeEach, describe, expect, it } from 'vitest'
import { HoldpointError } from '#contract'
import { decodeProtobuf } from '../../src/pipeline/otlp/protobuf.ts'
import { createJudge } from '../../src/pipeline/verification/judge.ts'
import { createLedgerView, type LedgerView } from '../../src/pipeline/verification/ledger-view.ts'
import { createFakeLog } from '../support/log.ts'
import { aSpan, encodeProtobuf, type Sample } from './encode.ts'
import { APPROVED_ATTRIBUTES, AT, decided, policy, requested, spent, UNASKED_ATTRIBUTES } from './entries.ts'

const batchOf = (...all: Record<string, Sample>[]) =>
  decodeProtobuf(encodeProtobuf({ spans: all.map((attributes) => aSpan({ name: 'x', attributes })) }))

let view: LedgerView
let barriers: number
beforeEach(() => {
  view = createLedgerView()
  barriers = 0
})

/** A judge whose barrier fails as often as said, then delivers the entries. */
const judgeAfter = (failures: number) =>
  createJudge({
    view,
    now: () => AT + 10_000,
    log: createFakeLog(),
    policies: { prepare: async () => {}, table: () => undefined },
    async barrier() {
      if (++barriers <= failures) throw new HoldpointError('LEDGER_UNAVAILABLE')
      for (const entry of [policy(), requested(), decided(), spent()]) view.apply(entry)
    },
  })
const verdicts = async (failures: number, ...all: Record<string, Sample>[]) =>
  [...(await judgeAfter(failures)(batchOf(...all))).values()].map(({ verdict }) => verdict.verification)

describe('judging a batch', () => {
  it('judge - the ledger is read as far as the arrival before anything is compared', async () => {
    expect(await verdicts(0, APPROVED_ATTRIBUTES)).toEqual(['verified'])
    expect(barriers).toBe(1)
  })

  it('judge - a ledger that answers late is asked again', async () => {
    expect(await verdicts(2, APPROVED_ATTRIBUTES)).toEqual(['verified'])
    expect(barriers).toBe(3)
  })

  it('judge - a ledger that does not answer makes actions unverifiable, never forged or verified', async () => {
    expect(await verdicts(99, APPROVED_ATTRIBUTES, UNASKED_ATTRIBUTES)).toEqual([
      'unverifiable',
      'unverifiable',
    ])
    expect(barriers).toBe(3)
  })

  it('judge - a batch without actions does not ask the ledger', async () => {
    expect(await verdicts(99, { 'http.route': '/' }, {})).toEqual([])
    expect(barriers).toBe(0)
  })

  it('judge - a policy that cannot be had allows nothing', async () => {
    const span = aSpan({ spanId: '2222222222222222', attributes: UNASKED_ATTRIBUTES })
    const judged = await judgeAfter(0)(decodeProtobuf(encodeProtobuf({ spans: [span] })))
    expect([...judged.values()].map(({ verdict }) => verdict.verification)).toEqual(['unverifiable'])
  })

  it('judge - two contents under the same ids in one batch: the second is a replay', async () => {
    expect(await verdicts(0, APPROVED_ATTRIBUTES, APPROVED_ATTRIBUTES)).toEqual(['verified', 'verified'])
    expect(
      await verdicts(0, APPROVED_ATTRIBUTES, { ...APPROVED_ATTRIBUTES, more: 'x' }, APPROVED_ATTRIBUTES),
    ).toEqual(['verified', 'replayed', 'replayed'])
  })
})
