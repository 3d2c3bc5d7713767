import { describe, expect, it } from 'vitest'
import { ATTR, digestBytes, GEN_AI, type LedgerEntry, principalId, type Verification } from '#contract'
import { decodeProtobuf } from '../../src/pipeline/otlp/protobuf.ts'
import { type Claim, claimOf } from '../../src/pipeline/verification/claims.ts'
import { createLedgerView } from '../../src/pipeline/verification/ledger-view.ts'
import { type PolicyAnswer, verify } from '../../src/pipeline/verification/verify.ts'
import { aSpan, encodeProtobuf, type Sample, type SampleSpan, SPAN, TRACE } from './encode.ts'
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

const APPROVAL: LedgerEntry[] = [requested(), decided(), spent(), outcome()]
const OTHER_TRACE = '11111111111111111111111111111111'
const OTHER_SPAN = '2222222222222222'

function claim(attributes: Record<string, Sample>, span: SampleSpan = {}): Claim {
  const [batch] = decodeProtobuf(
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
  sighted?: string
  span?: SampleSpan
}

function judge(
  attributes: Record<string, Sample>,
  { ledger = APPROVAL, says = 'hold', sighted, span }: Circumstances = {},
) {
  const view = createLedgerView()
  if (ledger !== 'unreadable') for (const entry of ledger) view.apply(entry)
  return verify(claim(attributes, span), {
    ledger: ledger === 'unreadable' ? undefined : view,
    policy: () => ({ says, detail: `policy says ${says}` }),
    sighted: () => sighted,
  })
}

type Case = [what: string, attributes: Record<string, Sample>, circumstances?: Circumstances]
const table = (verification: Verification, cases: Case[]): void => {
  it.each(cases)(`verify - ${verification}: %s`, (_, attributes, circumstances) => {
    const verdict = judge(attributes, circumstances)
    expect(verdict.verification, verdict.detail).toBe(verification)
    expect(verdict.detail).not.toBe('')
  })
}

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
    ['the same span is exported again', APPROVED, { sighted: claim(APPROVED).contentDigest() }],
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

  table('unbound', [
    ['the approval was consumed in another trace', APPROVED, { span: { traceId: OTHER_TRACE } }],
    [
      'in another trace, by a span of the same id',
      APPROVED,
      { span: { traceId: OTHER_TRACE, spanId: SPAN } },
    ],
    [
      'nobody consumed it, and it was asked for in another trace',
      APPROVED,
      { ledger: [requested({ trace: { traceId: OTHER_TRACE, spanId: SPAN } }), decided()] },
    ],
    ['the consumption names no trace', APPROVED, { ledger: [requested(), decided(), withoutTrace(spent())] }],
    [
      'the consumption is of a process that does not trace',
      APPROVED,
      {
        ledger: [
          requested(),
          decided(),
          spent({ trace: { traceId: '0'.repeat(32), spanId: '0'.repeat(16) } }),
        ],
      },
    ],
    ['another agent', { ...APPROVED, [GEN_AI.agentId]: 'billing' }],
    ['another enforcement point', { ...APPROVED, [ATTR.enforcement]: 'in-process:billing' }],
    ['another kind of enforcement', { ...APPROVED, [ATTR.enforcement]: 'gateway:support' }],
    ['another action', { ...APPROVED, [GEN_AI.toolName]: 'drop_database' }],
    [
      'another action by its span name alone',
      without(APPROVED, GEN_AI.toolName),
      { span: { name: 'execute_tool drop_database' } },
    ],
    ['another kind', { ...APPROVED, [ATTR.actionKind]: 'db' }],
    [
      'another target',
      { ...APPROVED, [ATTR.actionTarget]: 'billing' },
      { ledger: [requested({ target: 'crm' }), decided(), spent()] },
    ],
    ['a target, where none was approved', { ...APPROVED, [ATTR.actionTarget]: 'billing' }],
    [
      "somebody else's refusal",
      { ...DENIED, [GEN_AI.toolName]: 'grant_role' },
      { ledger: [requested(), decided({ decision: 'denied' })] },
    ],
  ])

  table('replayed', [
    ['another span of the trace', APPROVED, { span: { spanId: OTHER_SPAN } }],
    ['the same ids with another content', APPROVED, { sighted: digestBytes('another content') }],
    [
      'the same ids at another time',
      APPROVED,
      { sighted: claim(APPROVED).contentDigest(), span: { endNs: 1_763_000_001_000_000_000n } },
    ],
    [
      'the same ids with one more event',
      APPROVED,
      { sighted: claim(APPROVED).contentDigest(), span: { events: [{ timeNs: 1n, name: 'again' }] } },
    ],
    [
      'the same ids with a number for a text',
      { ...APPROVED, 'order.id': 7n },
      { sighted: claim({ ...APPROVED, 'order.id': '7' }).contentDigest() },
    ],
  ])

  table('refused', [
    ['denied and not run', DENIED, { ledger: [requested(), decided({ decision: 'denied' })] }],
    [
      'expired and not run',
      { ...UNASKED, [ATTR.approvalId]: 'r1', [ATTR.decision]: 'expired', [ATTR.outcome]: 'not_run' },
      { ledger: [requested(), decided({ decision: 'expired', by: [] })] },
    ],
    [
      'cancelled, and only its error says that it was not run',
      { ...UNASKED, [ATTR.approvalId]: 'r1', 'error.type': 'approval_cancelled' },
      { ledger: [requested(), decided({ decision: 'cancelled', by: [] })] },
    ],
    [
      'cancelled by the gate, overtaken by an approval',
      { ...UNASKED, [ATTR.approvalId]: 'r1', [ATTR.decision]: 'cancelled', [ATTR.outcome]: 'not_run' },
      { ledger: [requested(), decided()] },
    ],
    [
      'given up before anybody decided',
      { ...UNASKED, [ATTR.approvalId]: 'r1', [ATTR.decision]: 'expired', [ATTR.outcome]: 'not_run' },
      { ledger: [requested()] },
    ],
    [
      'an identical retry, after the approval was spent',
      { ...DENIED, [ATTR.decision]: 'approved' },
      { span: { spanId: OTHER_SPAN } },
    ],
    [
      'consumed, and reported as not run',
      { ...APPROVED, [ATTR.outcome]: 'not_run' },
      { ledger: [...APPROVAL.slice(0, 3), outcome({ outcome: 'failed', errorType: 'not_run' })] },
    ],
    [
      'denied by policy, nobody was asked',
      { ...UNASKED, [ATTR.ruling]: 'deny', [ATTR.outcome]: 'not_run', 'error.type': 'approval_denied' },
      { ledger: [] },
    ],
    ['the broker was away', { ...UNASKED, 'error.type': 'approval_unavailable' }, { ledger: [] }],
    [
      'a remembered denial',
      { ...UNASKED, [ATTR.decision]: 'denied', [ATTR.outcome]: 'not_run' },
      { ledger: [] },
    ],
  ])

  table('missing', [
    ['it ran and nobody was asked', UNASKED, { ledger: [] }],
    ["any instrumentation's span", { [GEN_AI.operationName]: 'execute_tool' }, { ledger: [] }],
    ['it says that policy allows it', { ...UNASKED, [ATTR.ruling]: 'allow' }, { ledger: [] }],
    ['it failed on its own', { ...UNASKED, 'error.type': 'TypeError' }, { ledger: [] }],
    [
      'it says that it was executed, and that it was denied',
      { ...UNASKED, [ATTR.outcome]: 'executed', 'error.type': 'approval_denied' },
      { ledger: [] },
    ],
    [
      'its outcome is a word of its own',
      { ...UNASKED, [ATTR.outcome]: 'skipped', 'error.type': 'approval_denied' },
      { ledger: [] },
    ],
    [
      'denied, run, and honest about it',
      { ...DENIED, [ATTR.outcome]: 'executed' },
      { ledger: [requested(), decided({ decision: 'denied' })] },
    ],
    ['run while it was pending', { ...UNASKED, [ATTR.approvalId]: 'r1' }, { ledger: [requested()] }],
  ])

  table('not_required', [
    ['policy allows it', UNASKED, { ledger: [], says: 'allow' }],
    [
      'policy allows it, though it was not run',
      { ...UNASKED, [ATTR.outcome]: 'not_run' },
      { ledger: [], says: 'allow' },
    ],
  ])

  table('observed', [
    ['policy only observes', UNASKED, { ledger: [], says: 'observe' }],
    [
      'policy only observes, and the gate said hold',
      { ...UNASKED, [ATTR.ruling]: 'hold', [ATTR.outcome]: 'executed' },
      { ledger: [], says: 'observe' },
    ],
  ])

  table('unverifiable', [
    ['the ledger cannot be read', APPROVED, { ledger: 'unreadable' }],
    [
      'the ledger cannot be read, and policy would allow it',
      UNASKED,
      { ledger: 'unreadable', says: 'allow' },
    ],
    ['the ruling depends on what the span does not carry', UNASKED, { ledger: [], says: 'unknown' }],
    [
      'consumed, not run, and no outcome yet',
      { ...APPROVED, [ATTR.outcome]: 'not_run' },
      { ledger: [requested(), decided(), spent()] },
    ],
  ])

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

function withoutTrace(entry: LedgerEntry): LedgerEntry {
  if (entry.type !== 'spent') return entry
  const { trace: _, ...rest } = entry
  return rest
}

describe('claims', () => {
  const isAction = (span: SampleSpan): boolean => {
    const decoded = decodeProtobuf(encodeProtobuf({ spans: [aSpan(span)] }))[0]?.scopes[0]?.spans[0]
    return decoded !== undefined && claimOf(decoded, new Map()) !== undefined
  }

  it.each<[string, SampleSpan, boolean]>([
    [
      'a tool call by the conventions',
      { name: 'x', attributes: { [GEN_AI.operationName]: 'execute_tool' } },
      true,
    ],
    ['a tool call by its name alone', { name: 'execute_tool export' }, true],
    ['any attribute of ours', { name: 'GET /', attributes: { [ATTR.approverName]: 'Bob' } }, true],
    [
      'nothing but a verdict of its own',
      { name: 'GET /', attributes: { [ATTR.verification]: 'verified' } },
      true,
    ],
    [
      'a wait that says it is a tool call',
      { name: 'await_approval x', attributes: { [GEN_AI.operationName]: 'execute_tool' } },
      true,
    ],
    [
      'the wait for an approval',
      { name: 'await_approval export', attributes: { [ATTR.approvalId]: 'r1' } },
      false,
    ],
    ['a model call', { name: 'chat gpt', attributes: { [GEN_AI.operationName]: 'chat' } }, false],
    ['anything else', { name: 'GET /', attributes: { 'http.route': '/' } }, false],
  ])('claims - %s: an action or not', (_, span, expected) => {
    expect(isAction(span)).toBe(expected)
  })

  it('claims - the span ids are those of the span, whatever its attributes say', () => {
    expect(claim({ ...APPROVED, trace_id: OTHER_TRACE }).trace).toEqual({ traceId: TRACE, spanId: SPAN })
  })
})
