import type { JWTPayload } from 'jose'
import { check, HoldpointError, integer, list, optional, type Principal, text } from '#contract'
import { groupSpecifier, type Person, subjectSpecifier } from './person.ts'

/** The person that verified claims speak of. Throws UNAUTHENTICATED for claims that cannot be relied on. */
export function personOf(claims: JWTPayload, iss: string): Person {
  // Whoever holds it acts for the person: an agent could review with what it was given to work with.
  if ('act' in claims)
    throw new HoldpointError(
      'UNAUTHENTICATED',
      'the token is for acting on behalf of somebody (RFC 8693), and signs nobody in',
    )
  return subjectOf(claims, iss)
}

/** Longer chains than this are nobody's; the ledger has room for no more people either. */
const MOST_IN_CHAIN = 8

/**
 * Everybody on whose behalf the holder of verified claims acts: the person, then whoever it was delegated through
 * as `act` names them, outermost first (RFC 8693, 4.1). Throws UNAUTHENTICATED for a program's own token, and where
 * any part of the chain cannot be read: a delegator left out could release what was done in their name.
 */
export function chainOf(claims: JWTPayload, iss: string): Principal[] {
  const { sub, service } = subjectOf(claims, iss)
  if (service)
    throw new HoldpointError('UNAUTHENTICATED', 'the token is a program’s own, and nobody’s behalf')
  const chain: Principal[] = [{ iss, sub }]
  for (let actor = claims.act; actor !== undefined; actor = (actor as { act?: unknown }).act) {
    if (chain.length === MOST_IN_CHAIN)
      throw new HoldpointError('UNAUTHENTICATED', `the token's act goes through more than ${MOST_IN_CHAIN}`)
    chain.push(actorOf(actor, iss))
  }
  return chain
}

function actorOf(actor: unknown, tokenIss: string): Principal {
  if (typeof actor !== 'object' || actor === null || Array.isArray(actor))
    throw new HoldpointError('UNAUTHENTICATED', `the token's act is ${describe(actor)}, expected an object`)
  const { iss, sub } = actor as { iss?: unknown; sub?: unknown }
  return {
    iss: read(optional(text({ min: 1, max: 500 })), iss, 'act.iss') ?? tokenIss,
    sub: required(read(text({ min: 1, max: 500 }), sub, 'act.sub'), 'act.sub'),
  }
}

function subjectOf(claims: JWTPayload, iss: string): Person {
  const { name, preferred_username: username } = claims
  const sub = required(read(text({ min: 1, max: 500 }), claims.sub, 'sub'), 'sub')
  const acr = read(optional(text({ max: 500 })), claims.acr, 'acr')
  const amr = read(optional(list(text({ max: 100 }), { max: 20 })), claims.amr, 'amr')
  const authTime = read(optional(integer()), claims.auth_time, 'auth_time')
  const groups = read(optional(list(text({ max: 500 }), { max: 10_000 })), claims.groups, 'groups') ?? []
  // Microsoft Entra leaves the groups out when there are many, and says so here. That is not the same as none.
  if ('_claim_names' in claims || 'hasgroups' in claims)
    throw new HoldpointError(
      'UNAUTHENTICATED',
      'the token leaves out its groups (overage): have the provider send only those assigned to Holdpoint',
    )
  // Sent to tell of a sign-out or the like: issuer, audience and subject are those of an ID token (RFC 8417, 4.5).
  if ('events' in claims)
    throw new HoldpointError('UNAUTHENTICATED', 'the token tells of an event (RFC 8417), and signs nobody in')
  return {
    iss,
    sub,
    name: nameOf([name, username]) ?? sub,
    groups: [...groups.map((group) => groupSpecifier(iss, group)), subjectSpecifier(iss, sub)],
    assurance: 'login',
    service: isService(claims),
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr }),
    ...(authTime === undefined ? {} : { authTime }),
  }
}

/** People choose their own: cut to what a card and the ledger have room for. */
const nameOf = (claims: unknown[]): string | undefined =>
  claims
    .find((one): one is string => typeof one === 'string' && one !== '')
    ?.slice(0, 200)
    .toWellFormed()

function read<T>(shape: Parameters<typeof check<T>>[0], value: unknown, claim: string): T | undefined {
  if (value === undefined) return undefined
  const checked = check(shape, value)
  if (checked.ok) return checked.value
  throw new HoldpointError(
    'UNAUTHENTICATED',
    `the token's ${claim} is ${checked.problems[0]?.found}, expected ${checked.problems[0]?.expected}`,
  )
}

function required(value: string | undefined, claim: string): string {
  if (value !== undefined) return value
  throw new HoldpointError('UNAUTHENTICATED', `the token has no ${claim}`)
}

const describe = (value: unknown): string => (value === null ? 'null' : JSON.stringify(value).slice(0, 100))

/**
 * Tokens that a program got for itself: client credentials (RFC 9068, 2.2: `sub` is the client), as Auth0 (`gty`),
 * Okta (`cid`), Keycloak (the name of its service users) and Entra (`idtyp`, or `oid` for a subject) write them.
 */
const isService = ({ sub, ...claims }: JWTPayload): boolean =>
  claims.idtyp === 'app' ||
  claims.gty === 'client-credentials' ||
  String(claims.preferred_username ?? '').startsWith('service-account-') ||
  [claims.client_id, claims.azp, claims.cid, claims.oid].includes(sub)
