import { describe, expect, it } from 'vitest'
import { ATTR, digestBytes, GEN_AI, principalId } from '#contract'
import { sightingOf } from '../../src/pipeline/verification/verify.ts'
import {
  APPROVED_ATTRIBUTES as APPROVED,
  BOB,
  CAROL,
  DENIED_ATTRIBUTES as DENIED,
  decided,
  outcome,
  requested,
  spent,
  UNASKED_ATTRIBUTES as UNASKED,
  without,
} from './entries.ts'
import { APPROVAL, claim, judge, OTHER_SPAN, OTHER_TRACE, table, withoutTrace } from './judging.ts'

describe('verdicts', () => {
  table('verified', [
    ['decision, consumption and span agree', APPROVED],
    ['the outcome has not arrived yet', APPROVED, { ledger: [requested(), decided(), spent()] }],
    [
      'the broker could not learn the outcome',
      APPROVED,
      { ledger: [...APPROVAL.slice(0, 3), outcome({ outcome: 'ambiguous' })] },
    ],
    [
      'it was executed and failed',
      { ...APPROVED, [ATTR.outcome]: 'failed' },
      { ledger: [...APPROVAL.slice(0, 3), outcome({ outcome: 'failed' })] },
    ],
    ['the same span is exported again', APPROVED, { sighted: sightingOf(claim(APPROVED)) }],
    ['it does not say who approved', without(APPROVED, ATTR.approverId, ATTR.approverName, ATTR.approvers)],
    ['its attributes were stripped on the way, and the ledger knows the span', { ...UNASKED }],
    [
      'two people approved, and it names both',
      { ...APPROVED, [ATTR.approvers]: [principalId(BOB), principalId(CAROL)] },
      { ledger: [requested(), decided({ by: [BOB, CAROL] }), spent()] },
    ],
    [
      'the gate ruled by an older policy than the broker',
      { ...APPROVED, [ATTR.policyVersion]: 0n, [ATTR.policyRule]: 'older' },
    ],
    [
      'it was retried in another trace, which then consumed it',
      APPROVED,
      { ledger: [requested({ trace: { traceId: OTHER_TRACE, spanId: OTHER_SPAN } }), decided(), spent()] },
    ],
    [
      'the framework writes the name of the agent as its id',
      { ...APPROVED, [GEN_AI.agentId]: 'Support agent' },
    ],
    [
      'a target is the same',
      { ...APPROVED, [ATTR.actionTarget]: 'crm' },
      { ledger: [requested({ target: 'crm' }), decided(), spent()] },
    ],
  ])

  table('forged', [
    ['the ledger has no such request', { ...APPROVED, [ATTR.approvalId]: 'r2' }],
    ['the ledger is empty', APPROVED, { ledger: [] }],
    ['an approver without a request', { ...UNASKED, [ATTR.approverId]: principalId(BOB) }, { ledger: [] }],
    ["an approver's name without a request", { ...UNASKED, [ATTR.approverName]: BOB.name }, { ledger: [] }],
    [
      'a list of approvers without a request',
      { ...UNASKED, [ATTR.approvers]: [principalId(BOB)] },
      { ledger: [] },
    ],
    ['a decision without a request', { ...UNASKED, [ATTR.decision]: 'approved' }, { ledger: [] }],
    ['a channel without a request', { ...UNASKED, [ATTR.channel]: 'cli' }, { ledger: [] }],
    ['an assurance without a request', { ...UNASKED, [ATTR.assurance]: 'passkey' }, { ledger: [] }],
    [
      'an approval of what policy allows anyway',
      { ...UNASKED, [ATTR.decision]: 'approved' },
      { ledger: [], says: 'allow' },
    ],
    [
      'an approver, though it was not run',
      { ...UNASKED, [ATTR.outcome]: 'not_run', [ATTR.approverId]: principalId(BOB) },
      { ledger: [] },
    ],
    ['another approver', { ...APPROVED, [ATTR.approverId]: principalId(CAROL) }],
    ['one more approver', { ...APPROVED, [ATTR.approvers]: [principalId(BOB), principalId(CAROL)] }],
    ['an approver of another issuer', { ...APPROVED, [ATTR.approverId]: 'https://other.test#bob' }],
    ['another name for the approver', { ...APPROVED, [ATTR.approverName]: 'The CEO' }],
    [
      'another name, and no id beside it',
      { ...without(APPROVED, ATTR.approverId, ATTR.approvers), [ATTR.approverName]: 'The CEO' },
    ],
    [
      "the other approver's name beside an id",
      { ...APPROVED, [ATTR.approverName]: CAROL.name },
      { ledger: [requested(), decided({ by: [BOB, CAROL] }), spent()] },
    ],
    [
      'a list of approvers as one text',
      { ...APPROVED, [ATTR.approvers]: `${principalId(BOB)},${principalId(CAROL)}` },
    ],
    ['another digest', { ...APPROVED, [ATTR.actionDigest]: digestBytes('another action') }],
    ['a stronger assurance', { ...APPROVED, [ATTR.assurance]: 'passkey' }],
    ['another channel', { ...APPROVED, [ATTR.channel]: 'console' }],
    ['another decision', { ...APPROVED, [ATTR.decision]: 'denied' }],
    ['another ruling', { ...APPROVED, [ATTR.ruling]: 'allow' }],
    [
      'approved, where the ledger says denied',
      APPROVED,
      { ledger: [requested(), decided({ decision: 'denied' })] },
    ],
    [
      'approved, where the ledger says expired',
      without(APPROVED, ATTR.approverId, ATTR.approverName, ATTR.approvers, ATTR.channel, ATTR.assurance),
      { ledger: [requested(), decided({ decision: 'expired', by: [] })] },
    ],
    [
      'approved, where nobody has decided',
      without(APPROVED, ATTR.approverId, ATTR.approverName, ATTR.approvers, ATTR.channel, ATTR.assurance),
      { ledger: [requested()] },
    ],
    ['approved and run, but never consumed', APPROVED, { ledger: [requested(), decided()] }],
    [
      'run, though the approval lapsed',
      APPROVED,
      { ledger: [requested(), decided(), spent({ spend: 'lapsed' })].map(withoutTrace) },
    ],
    [
      'run, though the approval was revoked',
      APPROVED,
      { ledger: [requested(), decided(), spent({ spend: 'revoked' })].map(withoutTrace) },
    ],
    [
      'executed, where the ledger says failed',
      APPROVED,
      { ledger: [...APPROVAL.slice(0, 3), outcome({ outcome: 'failed' })] },
    ],
    ['not run, where the ledger says executed', { ...APPROVED, [ATTR.outcome]: 'not_run' }],
    [
      'a denial by somebody who did not review',
      { ...DENIED, [ATTR.approverId]: principalId(CAROL) },
      { ledger: [requested(), decided({ decision: 'denied' })] },
    ],
    [
      'a lie, on top of another trace',
      { ...APPROVED, [ATTR.approverName]: 'The CEO' },
      { span: { traceId: OTHER_TRACE } },
    ],
  ])

  it.each([
    ['executed', 'failed', 'verified'],
    ['failed', 'executed', 'verified'],
    ['executed', undefined, 'verified'],
    ['executed', 'never used', 'unverifiable'],
    ['executed', 'revoked', 'forged'],
  ] as const)('verify - at a resource the agent says %s and the ledger %s: %s', (said, done, expected) => {
    const enforcement = 'resource:billing' as const
    const spends = done === 'revoked' ? [withoutTrace(spent({ spend: 'revoked' }))] : [spent()]
    const outcomes = done === 'failed' || done === 'executed' ? [outcome({ outcome: done })] : []
    const ledger = [
      requested({ enforcement }),
      decided(),
      ...(done === 'never used' ? [] : [...spends, ...outcomes]),
    ]
    const span = { ...APPROVED, [ATTR.enforcement]: enforcement, [ATTR.outcome]: said }
    expect(judge(span, { ledger }).verification).toBe(expected)
  })

  it('verify - no attribute of an approved span can be changed alone and stay verified', () => {
    for (const [name, value] of Object.entries(APPROVED)) {
      if (HARMLESS.has(name)) continue
      const forged = { ...APPROVED, [name]: typeof value === 'string' ? `${value}x` : ['somebody else'] }
      expect([name, judge(forged).verification]).not.toEqual([name, 'verified'])
    }
  })

  it('verify - every approver of the ledger is named in the detail', () => {
    const { detail } = judge(APPROVED, { ledger: [requested(), decided({ by: [BOB, CAROL] }), spent()] })
    expect(detail).toBe(`approved by ${principalId(BOB)}, ${principalId(CAROL)}`)
  })
})

/** The span of an action anyway; replaced by the ledger's on the stored span; free words. */
const HARMLESS = new Set<string>([GEN_AI.operationName, ATTR.policyRule, ATTR.policyVersion, ATTR.waitMs])
