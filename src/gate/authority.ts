import {
  type EnforcementPoint,
  type HelloReply,
  HoldpointError,
  type Registration,
  type Ruling,
} from '#contract'
import type { Question } from '#policy'
import { createTrust, type Trust } from '#warrant'

/** Everything by which a gate rules, all of it verified. */
export interface Authority {
  rule(question: Question): Ruling
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
  read(reply: HelloReply, before: Authority | undefined): Promise<Authority>
}

export function createAuthorities(
  config: { pin: string; agentId: string },
  deps: { now: () => number },
): Authorities {
  const trust = createTrust({ pin: config.pin }, deps)
  return {
    trust,
    async read(reply, before) {
      const keySet = trust.adoptKeySet(reply.keySet)
      const document = trust.verifyPolicy(reply.policy)
      const registration = trust.verifyRegistration(reply.registration)
      // Signed, but about somebody else: a broker, or whoever sits in between, mixes up agents.
      if (registration.agent.sub !== config.agentId)
        throw new HoldpointError('UNTRUSTED', `The registration is that of ${registration.agent.sub}`)
      return {
        rule:
          before?.policyVersion === document.version
            ? before.rule
            : await rulesOf(document.source, document.version),
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

/** What reads policies is as much code as the rest of the gate: it is loaded once there is one, beside the program's start. */
async function rulesOf(source: string, version: number): Promise<Authority['rule']> {
  const { loadPolicy, ruleOn } = await import('#policy')
  const policy = loadPolicy(source, version)
  return (question) => ruleOn(policy, question)
}
