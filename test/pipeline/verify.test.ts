import { describe, expect, it } from 'vitest'
import { ATTR, digestBytes, type FreezeEntry, GEN_AI } from '#contract'
import { claimOf } from '../../src/pipeline/verification/claims.ts'
import { sightingOf } from '../../src/pipeline/verification/verify.ts'
import { decodeTraces } from './decoded.ts'
import { aSpan, encodeProtobuf, type SampleSpan, SPAN, TRACE } from './encode.ts'
import {
  APPROVED_ATTRIBUTES as APPROVED,
  AT,
  BOB,
  DENIED_ATTRIBUTES as DENIED,
  decided,
  outcome,
  requested,
  spent,
  UNASKED_ATTRIBUTES as UNASKED,
  without,
} from './entries.ts'
import { APPROVAL, claim, OTHER_SPAN, OTHER_TRACE, table, withoutTrace } from './judging.ts'

const ELSEWHERE = { traceId: OTHER_TRACE, spanId: OTHER_SPAN }
const BY_SUPPORT = { [GEN_AI.agentId]: 'support' }
const NOT_RUN = { ...UNASKED, ...BY_SUPPORT, [ATTR.outcome]: 'not_run' }
const DENIED_TO_ANOTHER = [
  requested({ trace: ELSEWHERE, agent: { iss: 'test.invalid/holdpoint', sub: 'billing', name: 'Billing' } }),
  decided({ decision: 'denied' }),
]
const freeze = (over: Partial<FreezeEntry> = {}): FreezeEntry => ({
  type: 'freeze',
  at: AT - 60_000,
  agent: 'support',
  turn: 1,
  frozen: true,
  by: BOB,
  ...over,
})
const { agent: _, ...FREEZE_OF_ALL } = freeze()

describe('verdicts', () => {
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
      { sighted: sightingOf(claim(APPROVED)), span: { endNs: 1_763_000_001_000_000_000n } },
    ],
    [
      'the same ids with one more event',
      APPROVED,
      { sighted: sightingOf(claim(APPROVED)), span: { events: [{ timeNs: 1n, name: 'again' }] } },
    ],
    [
      'the same ids with a number for a text',
      { ...APPROVED, 'order.id': 7n },
      { sighted: sightingOf(claim({ ...APPROVED, 'order.id': '7' })) },
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
      { ledger: [], denies: true },
    ],
    [
      'a remembered denial',
      { ...UNASKED, ...BY_SUPPORT, [ATTR.decision]: 'denied', [ATTR.outcome]: 'not_run' },
      { ledger: [requested({ trace: ELSEWHERE }), decided({ decision: 'denied' })] },
    ],
    [
      'a remembered denial, within the time for which it counts',
      { ...UNASKED, ...BY_SUPPORT, [ATTR.outcome]: 'not_run' },
      {
        ledger: [requested({ trace: ELSEWHERE, rememberDenialMs: 60_000 }), decided({ decision: 'denied' })],
      },
    ],
    [
      'a frozen agent',
      { ...UNASKED, ...BY_SUPPORT, 'error.type': 'approval_unavailable' },
      { ledger: [freeze()] },
    ],
    [
      'everybody frozen',
      { ...UNASKED, ...BY_SUPPORT, 'error.type': 'approval_unavailable' },
      { ledger: [FREEZE_OF_ALL] },
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
    ['held, and nobody but itself says that it was not run', NOT_RUN, { ledger: [] }],
    [
      'the broker was away, by its own word',
      { ...UNASKED, 'error.type': 'approval_unavailable' },
      { ledger: [] },
    ],
    ["not run, and only another agent's denial is known", NOT_RUN, { ledger: DENIED_TO_ANOTHER }],
    [
      'not run, and only the denial of another action is known',
      { ...NOT_RUN, [GEN_AI.toolName]: 'grant_role' },
      { ledger: [requested({ trace: ELSEWHERE }), decided({ decision: 'denied' })] },
    ],
    [
      'not run, and the denial counted no longer',
      NOT_RUN,
      {
        ledger: [
          requested({ trace: ELSEWHERE, rememberDenialMs: 1 }),
          decided({ at: AT - 10_000, decision: 'denied' }),
        ],
      },
    ],
    [
      'not run, and the agent was thawed before',
      NOT_RUN,
      { ledger: [freeze(), freeze({ at: AT - 5_000, turn: 2, frozen: false })] },
    ],
    ['not run, and the agent was frozen long after', NOT_RUN, { ledger: [freeze({ at: AT + 3_600_000 })] }],
    [
      'not run, without saying whose it is',
      { ...UNASKED, [ATTR.outcome]: 'not_run' },
      { ledger: [requested({ trace: ELSEWHERE }), decided({ decision: 'denied' })] },
    ],
    [
      'consumed, not run, and no outcome yet',
      { ...APPROVED, [ATTR.outcome]: 'not_run' },
      { ledger: [requested(), decided(), spent()] },
    ],
  ])
})

describe('claims', () => {
  const isAction = (span: SampleSpan): boolean => {
    const decoded = decodeTraces(encodeProtobuf({ spans: [aSpan(span)] }))[0]?.scopes[0]?.spans[0]
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

  it('claims - an environment as long as none is registered says nothing, and is not kept with each span', () => {
    const within = (environment: string) => {
      const resource = { 'deployment.environment.name': environment }
      const [batch] = decodeTraces(encodeProtobuf({ resource, spans: [aSpan({ attributes: UNASKED })] }))
      const span = batch?.scopes[0]?.spans[0]
      return span && claimOf(span, batch.resource)?.environment
    }
    expect(within('prod')).toBe('prod')
    expect(within('x'.repeat(60_000))).toBeUndefined()
  })
})
