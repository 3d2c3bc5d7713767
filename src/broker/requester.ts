import { createHmac } from 'node:crypto'
import {
  type Attempt,
  canonicalize,
  HoldpointError,
  type Principal,
  type Requester,
  samePrincipal,
} from '#contract'
import type { Context } from './context.ts'

/** Who attempts this, from the registration and from verified tokens; nothing in it is the agent's own word. */
export async function requesterOf(context: Context, agentId: string, attempt: Attempt): Promise<Requester> {
  const { registration } = context.documents.registration(agentId)
  return {
    agent: registration.agent,
    owner: registration.owner,
    environment: registration.environment,
    enforcement: `${registration.enforcement}:${agentId}`,
    onBehalfOf: await verifiedPeople(context, attempt.onBehalfOf ?? []),
  }
}

async function verifiedPeople({ identity, log }: Context, tokens: readonly string[]): Promise<Principal[]> {
  const people: Principal[] = []
  for (const token of tokens) {
    try {
      const { iss, sub } = await identity.verifyToken(token)
      if (!people.some((known) => samePrincipal(known, { iss, sub }))) people.push({ iss, sub })
    } catch (error) {
      // Only a token that proves nothing is left out: not being able to check one now must not lose a person
      // who may then release what was done in their name.
      if (!(error instanceof HoldpointError) || error.code !== 'UNAUTHENTICATED') throw error
      log.info('a token of somebody acted for was not believed', { reason: error.message })
    }
  }
  return people
}

/**
 * The same attempt of the same agent is the same request, and nobody without the broker's secret can foresee
 * or squat on an id: HMAC-SHA-256 over (agent, attempt, action), the ledger's epoch in front. A NATS subject token.
 */
export function requestIdOf(
  config: { epoch: number; secret: Uint8Array },
  agentId: string,
  { attempt, action }: Attempt,
): string {
  const mac = createHmac('sha256', config.secret)
    .update(canonicalize([agentId, attempt, action]))
    .digest()
  return `${config.epoch}-${base32(mac.subarray(0, 16))}`
}

/** RFC 4648 base32, lower case, unpadded: easy to read out, and safe in a subject. */
function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('')
}
