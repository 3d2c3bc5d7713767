import { type NamedPrincipal, namedPrincipalShape, type Principal, principalShape } from './action.ts'
import { integer, list, literal, object, optional, type Shape, text } from './shape.ts'

/** `typ` headers of everything that is signed: a signature made for one purpose is useless for another. */
export const TYP = {
  keySet: 'holdpoint-keyset+jws',
  policy: 'holdpoint-policy+jws',
  registration: 'holdpoint-registration+jws',
  warrant: 'holdpoint-warrant+jwt',
  consumed: 'holdpoint-consumed+jwt',
  allowed: 'holdpoint-allowed+jwt',
  directory: 'holdpoint-directory+jws',
  epoch: 'holdpoint-epoch+jws',
} as const
export type Typ = (typeof TYP)[keyof typeof TYP]

/** What a key of the key set may sign. A key has one use. */
export type KeyUse = 'broker' | 'ledger' | 'policy' | 'registry' | 'witness'

/** An Ed25519 public key (RFC 8037); `kid` is its RFC 7638 thumbprint. */
export interface TrustedKey {
  kid: string
  use: KeyUse
  /** base64url, 32 bytes. */
  x: string
}

/** Signed by the organisation key, which every verifier has pinned. Times in seconds, as in a JWT. */
export interface KeySet {
  v: 1
  /** Names the trust domain, and the ledger: `example.com/holdpoint`. */
  origin: string
  /** Grows by one; verifiers refuse what is older than they have seen. */
  version: number
  iat: number
  exp: number
  keys: TrustedKey[]
}

/** A policy as it travels, signed by a `policy` key. `source` is the YAML itself, so its hash is what people read. */
export interface PolicyDocument {
  v: 1
  origin: string
  version: number
  iat: number
  /** A gate holds everything once this has passed. */
  exp: number
  source: string
  /**
   * The approved request that this change was released by. The broker adopts a later policy only with one; without,
   * only an installation's first, one whose text is the same, or one signed by the organisation key itself.
   */
  release?: string
}

/**
 * Which accounts are one human's, and which are nobody's, signed by a `registry` key. Without it every account is a
 * person of its own.
 */
export interface Directory {
  v: 1
  origin: string
  version: number
  iat: number
  exp: number
  /** `id` names the person in messages and decides by being the same; no account stands under two. */
  people: { id: string; accounts: Principal[] }[]
  /** Service accounts and bots: they never review, whatever their token says. */
  services: Principal[]
}

/** From now on new requests go to this epoch of the ledger. Signed by a `registry` key. */
export interface EpochDocument {
  v: 1
  origin: string
  /** The epoch's number. */
  version: number
  iat: number
}

/** Who an agent is, signed by a `registry` key: the agent's own word counts for none of it. */
export interface Registration {
  v: 1
  version: number
  iat: number
  agent: NamedPrincipal
  owner: Principal
  environment: string
  enforcement: 'in-process' | 'gateway' | 'resource'
}

const base64urlKey = text({ pattern: /^[A-Za-z0-9_-]{43}$/, like: '32 bytes in base64url' })

export const keySetShape: Shape<KeySet> = object({
  v: literal(1),
  origin: text({ min: 1, max: 200, pattern: /^[^\s+]+$/ }),
  version: integer({ min: 1 }),
  iat: integer(),
  exp: integer(),
  keys: list(
    object({
      kid: base64urlKey,
      use: literal('broker', 'ledger', 'policy', 'registry', 'witness'),
      x: base64urlKey,
    }),
    { min: 1, max: 50 },
  ),
})

export const policyDocumentShape: Shape<PolicyDocument> = object({
  v: literal(1),
  origin: text({ min: 1, max: 200 }),
  version: integer({ min: 1 }),
  iat: integer(),
  exp: integer(),
  source: text({ min: 1, max: 1_000_000 }),
  release: optional(text({ min: 1, max: 200 })),
})

export const directoryShape: Shape<Directory> = object({
  v: literal(1),
  origin: text({ min: 1, max: 200 }),
  version: integer({ min: 1 }),
  iat: integer(),
  exp: integer(),
  people: list(
    object({
      id: text({ min: 1, max: 200 }),
      accounts: list(principalShape, { min: 1, max: 50 }),
    }),
    { max: 100_000 },
  ),
  services: list(principalShape, { max: 100_000 }),
})

export const epochDocumentShape: Shape<EpochDocument> = object({
  v: literal(1),
  origin: text({ min: 1, max: 200 }),
  version: integer({ min: 1, max: 1_000_000 }),
  iat: integer(),
})

export const registrationShape: Shape<Registration> = object({
  v: literal(1),
  version: integer({ min: 1 }),
  iat: integer(),
  agent: namedPrincipalShape,
  owner: principalShape,
  environment: text({ min: 1, max: 200 }),
  enforcement: literal('in-process', 'gateway', 'resource'),
})
