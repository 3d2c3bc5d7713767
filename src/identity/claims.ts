import type { JWTPayload } from 'jose'
import { check, HoldpointError, integer, list, optional, text } from '#contract'
import { groupSpecifier, type Person, subjectSpecifier } from './person.ts'

/** The person that verified claims speak of. Throws UNAUTHENTICATED for claims that cannot be relied on. */
export function personOf(claims: JWTPayload, iss: string): Person {
  const { name, preferred_username: username } = claims
  const sub = read(text({ min: 1, max: 500 }), claims.sub, 'sub') ?? ''
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

/**
 * Tokens that a program got for itself: client credentials (RFC 9068, 2.2: `sub` is the client), as Auth0 (`gty`),
 * Okta (`cid`), Keycloak (the name of its service users) and Entra (`idtyp`, or `oid` for a subject) write them.
 */
const isService = ({ sub, ...claims }: JWTPayload): boolean =>
  claims.idtyp === 'app' ||
  claims.gty === 'client-credentials' ||
  String(claims.preferred_username ?? '').startsWith('service-account-') ||
  [claims.client_id, claims.azp, claims.cid, claims.oid].includes(sub)
