import { hash } from 'node:crypto'
import { actionDigest, type ConsumeCall, digestJson, type TraceRef, type WarrantClaims } from '#contract'
import type { ScriptedBroker, ScriptedRequest } from './scripted-broker.ts'

export const digestOf = ({ attempt, requester, salt }: ScriptedRequest) =>
  actionDigest(attempt.action, requester, salt)
const leaf = (text: string) => hash('sha256', text, 'base64')

export function warrantClaims(
  request: ScriptedRequest,
  trace: TraceRef,
  { origin, approver, agentId }: ScriptedBroker,
): WarrantClaims {
  const { action } = request.attempt
  const iat = Math.floor(Date.now() / 1000)
  const digest = digestJson('any')
  return {
    iss: origin,
    aud: request.requester.enforcement,
    sub: agentId,
    act: { iss: origin, sub: agentId },
    iat,
    nbf: iat,
    exp: iat + 300,
    jti: request.requestId,
    txn: request.requestId,
    authorization_details: [
      {
        type: 'holdpoint_action',
        actions: [action.name],
        ...(action.target === undefined ? {} : { locations: [action.target] as [string] }),
        kind: action.kind,
        action_digest: digestOf(request),
        ...(action.runtime.precondition === undefined ? {} : { precondition: action.runtime.precondition }),
      },
    ],
    hp: {
      v: 1,
      decision: 'approved',
      policy_version: 1,
      policy_hash: digest,
      rule: 'export',
      render_hash: digest,
      runtime: { trace_id: trace.traceId, span_id: trace.spanId },
      approvals: [{ ...approver, channel: 'cli', assurance: 'login', evidence: digest }],
      ledger: { origin, index: 1, leaf: leaf(`decided ${request.requestId}`) },
    },
  }
}

export function consumedClaims(
  request: ScriptedRequest,
  { nonce, actionDigest, trace }: ConsumeCall,
  origin: string,
) {
  const iat = Math.floor(Date.now() / 1000)
  return {
    iss: origin,
    aud: request.requester.enforcement,
    jti: request.requestId,
    nonce,
    iat,
    exp: iat + 300,
    action_digest: actionDigest,
    trace,
    ledger: { origin, index: 2, leaf: leaf(`spent ${request.requestId}`) },
  }
}
