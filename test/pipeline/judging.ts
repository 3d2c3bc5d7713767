import { expect, it } from 'vitest'
import type { LedgerEntry, Verification } from '#contract'
import { type Claim, claimOf } from '../../src/pipeline/verification/claims.ts'
import { createLedgerView } from '../../src/pipeline/verification/ledger-view.ts'
import { type PolicyAnswer, verify } from '../../src/pipeline/verification/verify.ts'
import { decodeTraces } from './decoded.ts'
import { aSpan, encodeProtobuf, type Sample, type SampleSpan, START_NS } from './encode.ts'
import { decided, outcome, requested, spent } from './entries.ts'

export const APPROVAL: LedgerEntry[] = [requested(), decided(), spent(), outcome()]
const ARRIVED = Number(START_NS / 1_000_000n) + 5_000
export const OTHER_TRACE = '11111111111111111111111111111111'
export const OTHER_SPAN = '2222222222222222'

export function claim(attributes: Record<string, Sample>, span: SampleSpan = {}): Claim {
  const [batch] = decodeTraces(
    encodeProtobuf({ spans: [aSpan({ name: 'execute_tool x', ...span, attributes })] }),
  )
  const decoded = batch?.scopes[0]?.spans[0]
  const found = decoded && claimOf(decoded, batch.resource)
  if (found === undefined) throw new Error('no action')
  return found
}

interface Circumstances {
  ledger?: LedgerEntry[] | 'unreadable'
  says?: PolicyAnswer['says']
  /** What policy would say is deny, and not hold. */
  denies?: boolean
  sighted?: string
  span?: SampleSpan
}

export function judge(
  attributes: Record<string, Sample>,
  { ledger = APPROVAL, says = 'hold', denies = false, sighted, span }: Circumstances = {},
) {
  const view = createLedgerView()
  if (ledger !== 'unreadable') for (const entry of ledger) view.apply(entry)
  return verify(claim(attributes, span), {
    ledger: ledger === 'unreadable' ? undefined : view,
    policy: () => ({ says, denies, detail: `policy says ${says}` }),
    sighted: () => sighted,
    arrivedAtMs: ARRIVED,
  })
}

type Case = [what: string, attributes: Record<string, Sample>, circumstances?: Circumstances]
export const table = (verification: Verification, cases: Case[]): void => {
  it.each(cases)(`verify - ${verification}: %s`, (_, attributes, circumstances) => {
    const verdict = judge(attributes, circumstances)
    expect(verdict.verification, verdict.detail).toBe(verification)
    expect(verdict.detail).not.toBe('')
  })
}

export function withoutTrace(entry: LedgerEntry): LedgerEntry {
  if (entry.type !== 'spent') return entry
  const { trace: _, ...rest } = entry
  return rest
}
