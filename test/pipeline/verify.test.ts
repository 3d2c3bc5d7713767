import { describe } from 'vitest'
import { ATTR, digestBytes, type FreezeEntry, GEN_AI } from '#contract'
import { sightingOf } from '../../src/pipeline/verification/verify.ts'
import { SPAN } from './encode.ts'
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
