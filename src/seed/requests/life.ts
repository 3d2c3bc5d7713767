import {
  actionDigest,
  type DecidedEntry,
  type OutcomeEntry,
  type RequestedEntry,
  type Ruling,
  type SpentEntry,
} from '#contract'
import type { Random } from '../random.ts'
import type { SpanId, TraceId } from '../spans/span.ts'
import { hexOf } from '../spans/span.ts'
import type { Call, Variant } from '../world/actions.ts'
import type { Agent } from '../world/agents.ts'
import { INSTALLATION } from '../world/names.ts'
import { type Person, personOf } from '../world/people.ts'
import { digestOf, requestIdOf, secretOf } from './digests.ts'

export interface Question {
  agent: Agent
  call: Call
  variant: Variant
  ruling: Ruling
  /** For whom the agent acts. */
  user?: Person | undefined
  atMs: number
  trace: TraceId
  span: SpanId
  /** Absent where nobody waits for the answer. */
  process?: string | undefined
}

/** What the broker writes when an agent asks. */
export function openRequest(
  { agent, call, variant, ruling, user, atMs, trace, span, process }: Question,
  random: Random,
): RequestedEntry {
  const requester = {
    agent: { iss: INSTALLATION, sub: agent.id, name: agent.name },
    onBehalfOf: user === undefined ? [] : [{ iss: user.iss, sub: user.sub }],
    environment: agent.environment,
    enforcement: agent.enforcement,
  }
  const target = variant.target === undefined ? {} : { target: variant.target }
  const action = { kind: call.kind, name: call.name, ...target, arguments: variant.arguments, runtime: {} }
  const owner = personOf(agent.owner)
  return {
    type: 'requested',
    at: atMs,
    requestId: requestIdOf(random),
    actionDigest: actionDigest(action, requester, secretOf(random)),
    ...requester,
    owner: { iss: owner.iss, sub: owner.sub },
    kind: call.kind,
    name: call.name,
    ...target,
    ...(process === undefined ? {} : { process }),
    trace: { traceId: hexOf(trace), spanId: hexOf(span) },
    ruling: {
      effect: ruling.effect,
      rule: ruling.rule,
      policyVersion: ruling.policyVersion,
      policyHash: ruling.policyHash,
      ...(ruling.risk === undefined ? {} : { risk: ruling.risk }),
    },
    approvals: ruling.approvals,
    expiresAt: atMs + ruling.timeoutMs,
    validForMs: ruling.validForMs,
    renderHash: digestOf(random),
    repeatKey: secretOf(random),
    rememberDenialMs: ruling.rememberDenialMs,
  }
}

const about = ({ requestId, actionDigest }: RequestedEntry) => ({ requestId, actionDigest })

export const decisionOn = (
  request: RequestedEntry,
  decision: DecidedEntry['decision'],
  at: number,
  by: DecidedEntry['by'] = [],
): DecidedEntry => ({ type: 'decided', at, ...about(request), decision, by })

export const consumption = (
  request: RequestedEntry,
  at: number,
  place: { trace: TraceId; id: SpanId },
  process: string,
  random: Random,
): SpentEntry => ({
  type: 'spent',
  at,
  ...about(request),
  spend: 'consumed',
  nonce: secretOf(random),
  trace: { traceId: hexOf(place.trace), spanId: hexOf(place.id) },
  process,
})

/** Approved, and nobody came for it in time. */
export const lapse = (request: RequestedEntry, decidedAt: number): SpentEntry => ({
  type: 'spent',
  at: decidedAt + request.validForMs,
  ...about(request),
  spend: 'lapsed',
})

export const outcomeOf = (request: RequestedEntry, at: number, errorType?: string): OutcomeEntry => ({
  type: 'outcome',
  at,
  ...about(request),
  outcome: errorType === undefined ? 'executed' : 'failed',
  ...(errorType === undefined ? {} : { errorType }),
})
