import { createHmac } from 'node:crypto'
import {
  type Action,
  type Attempt,
  canonicalize,
  HoldpointError,
  type Principal,
  type Requester,
  samePrincipal,
} from '#contract'
import type { Context } from '../context.ts'
import { POLICY_AGENT } from '../documents/policy-change.ts'

export interface KnownRequester {
  requester: Requester
  /** Somebody was named whose token proves nothing. */
  isUnverified: boolean
}

/** Who attempts this, from the registration and from verified tokens; nothing in it is the agent's own word. */
export async function requesterOf(
  context: Context,
  agentId: string,
  attempt: Attempt,
): Promise<KnownRequester> {
  const { registration } = context.documents.registration(agentId)
  const chains = await Promise.all((attempt.onBehalfOf ?? []).map((token) => chainOf(context, token)))
  const prompter = attempt.promptedBy === undefined ? undefined : await chainOf(context, attempt.promptedBy)
  return {
    requester: {
      agent: registration.agent,
      owner: registration.owner,
      environment: registration.environment,
      enforcement:
        attempt.resource === undefined
          ? `${registration.enforcement}:${agentId}`
          : resourceOf(context, attempt.resource, registration.environment),
      onBehalfOf: distinct(chains.flatMap((chain) => chain ?? [])),
      ...(prompter?.[0] === undefined ? {} : { promptedBy: prompter[0] }),
    },
    isUnverified: chains.includes(undefined) || (attempt.promptedBy !== undefined && prompter === undefined),
  }
}

/**
 * Who will spend the approval instead of the agent. Of its own environment: rules are made for one, and those for
 * staging must not release what is done in production.
 */
function resourceOf({ documents }: Context, name: string, environment: string): `resource:${string}` {
  const known = documents.registrations().find(({ agent }) => agent.sub === name)
  // Holdpoint's own guards the policy, and that alone.
  if (known?.enforcement !== 'resource' || name === POLICY_AGENT)
    throw new HoldpointError(
      'INVALID_INPUT',
      `request: attempt.resource is ${JSON.stringify(name)}, expected one that \`holdpoint agent add --enforcement resource\` registered`,
    )
  if (known.environment !== environment)
    throw new HoldpointError(
      'INVALID_INPUT',
      `request: attempt.resource is ${JSON.stringify(name)} of ${known.environment}, expected one of ${environment}, as the agent is`,
    )
  return `resource:${name}`
}

/** Everybody whom a token names, or undefined where it proves nothing. */
async function chainOf({ identity, log }: Context, token: string): Promise<Principal[] | undefined> {
  try {
    return await identity.verifyDelegation(token)
  } catch (error) {
    // Only a token that proves nothing is left out: not being able to check one now must not lose a person
    // who may then release what was done in their name.
    if (!(error instanceof HoldpointError) || error.code !== 'UNAUTHENTICATED') throw error
    log.info('a token of somebody acted for was not believed', { reason: error.message })
    return undefined
  }
}

/** As many as the ledger has room for. */
const MOST_PEOPLE = 8

function distinct(people: Principal[]): Principal[] {
  const found: Principal[] = []
  for (const person of people) if (!found.some((known) => samePrincipal(known, person))) found.push(person)
  // To leave somebody out would let them release it.
  if (found.length > MOST_PEOPLE)
    throw new HoldpointError(
      'INVALID_INPUT',
      `request: attempt.onBehalfOf names ${found.length} people, expected at most ${MOST_PEOPLE}`,
    )
  return found
}

/**
 * The same attempt of the same agent is the same request, and nobody without the broker's secret can foresee
 * or squat on an id: HMAC-SHA-256 over (agent, attempt, action), the ledger's epoch in front. A NATS subject token.
 */
export const requestIdOf = (
  config: { epoch: number; secret: Uint8Array },
  agentId: string,
  attempt: Attempt,
): string => `${config.epoch}-${attemptKeyOf(config.secret, agentId, attempt)}`

/** The part of it that is the same in every epoch. */
export function attemptKeyOf(secret: Uint8Array, agentId: string, { attempt, action }: Attempt): string {
  const mac = createHmac('sha256', secret)
    .update(canonicalize([agentId, attempt, action]))
    .digest()
  return base32(mac.subarray(0, 16))
}

/**
 * The same action of the same agent has the same, whatever its attempt, its trace and its process. Keyed with the
 * broker's secret: the ledger keeps it for ever, and nobody may find guessable arguments by trying. For whom the agent
 * acts is not in it: it could ask again in the name of somebody else.
 */
export function repeatKeyOf(
  secret: Uint8Array,
  { agent, environment }: Requester,
  { kind, name, target, arguments: given, runtime }: Action,
): string {
  const { cwdDigest, envDigest, toolSchemaDigest, precondition } = runtime
  const key = {
    v: 1,
    agent: { iss: agent.iss, sub: agent.sub },
    environment,
    kind,
    name,
    target,
    arguments: given,
    bindings: { cwd: cwdDigest, env: envDigest, toolSchema: toolSchemaDigest, precondition },
  }
  // An object, where a request's id is taken of a list: no text is read as both.
  return createHmac('sha256', secret).update(canonicalize(key)).digest('base64url')
}

/** RFC 4648 base32, lower case, unpadded: easy to read out, and safe in a subject. */
function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('')
}
