import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { check, HoldpointError, integer, list, optional, text } from '#contract'
import { groupSpecifier, type Person, subjectSpecifier } from './person.ts'

export interface TrustedIssuer {
  issuer: string
  /** The audience that its tokens for Holdpoint carry. */
  audience: string
  /** Where its keys are; by default what its discovery document says. */
  jwksUri?: string
}

export interface Identity {
  /** Who this token proves to be signed in. Throws UNAUTHENTICATED, or UNAVAILABLE where the keys cannot be had. */
  verifyToken(token: string): Promise<Person>
}

/** Asymmetric only: with a shared secret, whoever can verify could also forge. */
const ALGORITHMS = ['EdDSA', 'ES256', 'ES384', 'PS256', 'RS256']
const CLOCK_LEEWAY_S = 30

/** Believes tokens of the configured issuers alone (OpenID Connect Core; RFC 7519; RFC 8725). */
export function createIdentity(
  config: { issuers: readonly TrustedIssuer[] },
  deps: { now: () => number },
): Identity {
  const issuers = new Map(
    config.issuers.map((trusted) => [trusted.issuer, { ...trusted, keys: keysOf(trusted) }]),
  )

  return {
    async verifyToken(token) {
      const trusted = issuers.get(issuerOf(token) ?? '')
      if (!trusted)
        throw new HoldpointError('UNAUTHENTICATED', 'the token is of no issuer that is configured')
      const claims = await verify(token, trusted.keys, {
        issuer: trusted.issuer,
        audience: trusted.audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_LEEWAY_S,
        requiredClaims: ['sub', 'exp', 'iat'],
        currentDate: new Date(deps.now()),
      })
      // RFC 7519 leaves this to us: whoever dates a token ahead stretches its life.
      if (Number(claims.iat) > deps.now() / 1000 + CLOCK_LEEWAY_S)
        throw new HoldpointError('UNAUTHENTICATED', 'the token was issued in the future')
      return personOf(claims, trusted.issuer)
    },
  }
}

/** The issuer's keys, found on first use where the configuration does not say (OpenID Connect Discovery, 4). */
function keysOf({ issuer, jwksUri }: TrustedIssuer): JWTVerifyGetKey {
  let keys = jwksUri === undefined ? undefined : createRemoteJWKSet(secure(jwksUri), REMOTE)
  return async (header, token) => {
    keys ??= createRemoteJWKSet(await discoverKeys(issuer), REMOTE)
    return keys(header, token)
  }
}

const REMOTE = { timeoutDuration: 5_000 }

async function discoverKeys(issuer: string): Promise<URL> {
  const response = await fetch(secure(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`), {
    signal: AbortSignal.timeout(REMOTE.timeoutDuration),
    redirect: 'error',
  })
  const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown }
  const found = check(text({ min: 1, max: 2000 }), document.jwks_uri)
  if (!response.ok || !found.ok || document.issuer !== issuer)
    throw new Error(`${issuer} does not say where its keys are`)
  return secure(found.value)
}

/** Keys that come over plain HTTP are anybody's keys; only this machine itself is close enough. */
function secure(address: string): URL {
  const url = new URL(address)
  const isLocal = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal)) return url
  throw new HoldpointError('INVALID_CONFIG', `identity.issuers: ${address}, expected https`)
}

async function verify(
  token: string,
  keys: JWTVerifyGetKey,
  options: Parameters<typeof jwtVerify>[2],
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, options)).payload
  } catch (cause) {
    if (cause instanceof HoldpointError) throw cause
    if (!(cause instanceof errors.JOSEError) || NO_ANSWER.has(cause.code))
      throw new HoldpointError('UNAVAILABLE', 'the keys of the identity provider cannot be had', {
        cause,
        retryable: true,
      })
    throw new HoldpointError('UNAUTHENTICATED', `the token is not valid: ${cause.message}`, { cause })
  }
}

/**
 * The provider did not give us its keys, which says nothing about the token. The generic one is what the remote
 * key set throws for any status but 200, and for a body that is no JSON.
 */
const NO_ANSWER = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'])

/** Read before the signature is checked, and used for nothing but to choose the keys that check it. */
function issuerOf(token: string): string | undefined {
  try {
    const { iss } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
      iss?: unknown
    }
    return typeof iss === 'string' ? iss : undefined
  } catch {
    return undefined
  }
}

function personOf(claims: JWTPayload, iss: string): Person {
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
      'the token leaves out its groups (overage): configure app roles or fewer groups',
    )
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
