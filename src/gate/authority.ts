import { type EnforcementPoint, type HelloReply, HoldpointError, type Registration } from '#contract'
import { type CompiledPolicy, loadPolicy } from '#policy'
import { createTrust, type Trust } from '#warrant'

/** Everything by which a gate rules, all of it verified. */
export interface Authority {
  policy: CompiledPolicy
  policyVersion: number
  keySetVersion: number
  registration: Registration
  /** This gate, as warrants address it. */
  enforcement: EnforcementPoint
  /** The broker's clock minus ours. */
  clockAheadMs: number
  heartbeatMs: number
  /** When the key set or the policy expires; from then on everything is held. */
  expiresAtMs: number
}

export interface Authorities {
  trust: Trust
  /** Verifies what the broker says hello with. Throws UNTRUSTED, STALE or INVALID_POLICY. */
  read(reply: HelloReply, before: Authority | undefined): Authority
}

export function createAuthorities(
  config: { pin: string; agentId: string },
  deps: { now: () => number },
): Authorities {
  const trust = createTrust({ pin: config.pin }, deps)
  return {
    trust,
    read(reply, before) {
      const keySet = trust.adoptKeySet(reply.keySet)
      const document = trust.verifyPolicy(reply.policy)
      const registration = trust.verifyRegistration(reply.registration)
      // Signed, but about somebody else: a broker, or whoever sits in between, mixes up agents.
      if (registration.agent.sub !== config.agentId)
        throw new HoldpointError('UNTRUSTED', `The registration is that of ${registration.agent.sub}`)
      return {
        policy:
          before?.policyVersion === document.version
            ? before.policy
            : loadPolicy(document.source, document.version),
        policyVersion: document.version,
        keySetVersion: keySet.version,
        registration,
        enforcement: `${registration.enforcement}:${config.agentId}`,
        clockAheadMs: reply.ledgerTimeMs - deps.now(),
        heartbeatMs: reply.heartbeatMs,
        expiresAtMs: Math.min(keySet.exp, document.exp) * 1000,
      }
    },
  }
}
