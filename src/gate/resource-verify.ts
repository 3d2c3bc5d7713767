import { HoldpointError, type WarrantClaims } from '#contract'
import type { Trust } from '#warrant'
import type { Authority } from './authority.ts'
import type { Disclosed } from './proof.ts'
import { digestOf, type HeldAction } from './release.ts'
import type { Released } from './resource-release.ts'

/** What the agent has sent beside the call, and who we are. */
interface Shown {
  warrant: string
  disclosed: Disclosed
  by: Pick<Authority, 'registration' | 'enforcement'>
}

type Received = Released['action']

/**
 * Verifies that a warrant is genuine, and for exactly what was received, at this resource, now.
 * Throws UNTRUSTED, STALE or WARRANT_MISMATCH.
 */
export function verifyFor(
  received: Received,
  { warrant, disclosed, by }: Shown,
  trust: Trust,
  isGenuine: (requestId: string) => void,
): { held: HeldAction; released: Released } {
  const { salt, onBehalfOf, bindings } = disclosed
  const { environment } = by.registration
  /** As the digest covers it: received here, done by whom the warrant says, guarded by us. */
  const heldOf = ({ jti, act, hp: { runtime } }: WarrantClaims): HeldAction => ({
    requestId: jti,
    salt,
    action: {
      ...received,
      runtime: bindings,
      trace: { traceId: runtime.trace_id, spanId: runtime.span_id },
    },
    requester: { agent: act, environment, enforcement: by.enforcement, onBehalfOf },
  })
  const precondition = bindings.precondition === undefined ? {} : { precondition: bindings.precondition }

  const claims = trust.verifyWarrant(warrant, (genuine) => {
    isGenuine(genuine.jti)
    checkNames(genuine, received)
    const held = heldOf(genuine)
    return {
      aud: by.enforcement,
      requestId: held.requestId,
      actionDigest: digestOf(held),
      trace: held.action.trace,
      ...precondition,
    }
  })
  const { rule, policy_version: policyVersion, approvals } = claims.hp
  const held = heldOf(claims)
  const { requestId } = held
  return {
    held,
    released: {
      requestId,
      action: received,
      agent: claims.act,
      onBehalfOf,
      approvals,
      rule,
      policyVersion,
      trace: held.action.trace,
      ...precondition,
    },
  }
}

/** The digest says it as well; this says it in words. */
function checkNames({ authorization_details: [said] }: WarrantClaims, received: Received): void {
  const warranted = { kind: said.kind, name: said.actions[0], target: said.locations?.[0] }
  for (const what of ['kind', 'name', 'target'] as const)
    if (warranted[what] !== received[what])
      throw new HoldpointError(
        'WARRANT_MISMATCH',
        `warrant: it is for the ${what} ${JSON.stringify(warranted[what])}, found ${JSON.stringify(received[what])}`,
      )
}
