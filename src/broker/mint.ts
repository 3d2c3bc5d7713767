import {
  ALLOWED_LIFE_S,
  type AllowedClaims,
  type ConsumedClaims,
  type DecidedEntry,
  epochOf,
  logOrigin,
  type RequestedEntry,
  type SpentEntry,
  type TraceRef,
  TYP,
  WARRANT_LIFE_S,
  type WarrantClaims,
} from '#contract'
import { type PrivateKey, signDocument } from '#warrant/issue'
import type { Position } from './history/commit.ts'

export interface Mint {
  /** The proof of a committed approval. Minted when it is claimed, so that a job that resumes later still can. */
  warrant(
    requested: RequestedEntry,
    decided: DecidedEntry & Position,
    nowMs: number,
    /** The span that will run it, where that is not the one that asked. */
    trace?: TraceRef,
  ): string
  /** The proof that the approval was consumed by this call and no other. */
  consumed(
    requested: RequestedEntry,
    spent: SpentEntry & Position,
    call: { nonce: string; trace: TraceRef },
    nowMs: number,
  ): string
  /** The proof that policy allows this very attempt, by what only the broker knows. It is of no request. */
  allowed(
    of: Pick<AllowedClaims, 'aud' | 'attempt' | 'action_digest' | 'rule' | 'policy_version'>,
    nowMs: number,
  ): string
}

export function createMint(config: { origin: string; key: PrivateKey }): Mint {
  const { origin, key } = config
  const logOf = ({ requestId }: RequestedEntry): string => logOrigin(origin, epochOf(requestId))
  const seconds = (ms: number): number => Math.floor(ms / 1000)

  return {
    warrant(requested, decided, nowMs, trace = requested.trace) {
      const iat = seconds(nowMs)
      const { agent, ruling } = requested
      const claims: WarrantClaims = {
        iss: origin,
        aud: requested.enforcement,
        sub: requested.onBehalfOf[0]?.sub ?? agent.sub,
        act: { iss: agent.iss, sub: agent.sub },
        iat,
        nbf: iat,
        exp: Math.min(iat + WARRANT_LIFE_S, seconds(decided.at + requested.validForMs)),
        jti: requested.requestId,
        txn: requested.requestId,
        authorization_details: [
          {
            type: 'holdpoint_action',
            actions: [requested.name],
            ...(requested.target === undefined ? {} : { locations: [requested.target] }),
            kind: requested.kind,
            action_digest: requested.actionDigest,
            ...(requested.precondition === undefined ? {} : { precondition: requested.precondition }),
          },
        ],
        hp: {
          v: 1,
          decision: 'approved',
          policy_version: ruling.policyVersion,
          policy_hash: ruling.policyHash,
          rule: ruling.rule,
          render_hash: requested.renderHash,
          runtime: { trace_id: trace.traceId, span_id: trace.spanId },
          approvals: decided.by,
          ledger: { origin: logOf(requested), index: decided.index, leaf: decided.leafHash },
        },
      }
      return signDocument(TYP.warrant, claims, key)
    },

    consumed(requested, spent, { nonce, trace }, nowMs) {
      const iat = seconds(nowMs)
      const claims: ConsumedClaims = {
        iss: origin,
        aud: requested.enforcement,
        jti: requested.requestId,
        nonce,
        iat,
        exp: iat + WARRANT_LIFE_S,
        action_digest: requested.actionDigest,
        trace,
        ledger: { origin: logOf(requested), index: spent.index, leaf: spent.leafHash },
      }
      return signDocument(TYP.consumed, claims, key)
    },

    allowed(of, nowMs) {
      const iat = seconds(nowMs)
      const claims: AllowedClaims = { iss: origin, ...of, iat, exp: iat + ALLOWED_LIFE_S }
      return signDocument(TYP.allowed, claims, key)
    },
  }
}
