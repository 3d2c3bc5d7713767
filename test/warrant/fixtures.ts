import {
  type ConsumedClaims,
  canonicalize,
  type Digest,
  type KeySet,
  type KeyUse,
  type PolicyDocument,
  type Registration,
  TYP,
  type Typ,
  type WarrantClaims,
} from '#contract'
import { createTrust, formatPin, type Trust } from '#warrant'
import { generateKey, loadKey, type PrivateKey, signDocument } from '#warrant/issue'

export const ORIGIN = 'example.com/holdpoint'
export const NOW_S = 1_790_000_000
export const digest = (digit: string): Digest => `sha-256:${digit.repeat(64)}`
const newKey = (): PrivateKey => loadKey(generateKey().seed)

export const organisation = newKey()
export const stranger = newKey()
export const keys = {
  broker: newKey(),
  ledger: newKey(),
  policy: newKey(),
  registry: newKey(),
  witness: newKey(),
} satisfies Record<KeyUse, PrivateKey>

export const keySet: KeySet = {
  v: 1,
  origin: ORIGIN,
  version: 3,
  iat: NOW_S - 1000,
  exp: NOW_S + 86_400,
  keys: Object.entries(keys).map(([use, { kid, x }]) => ({ kid, use: use as KeyUse, x })),
}

export const policy: PolicyDocument = {
  v: 1,
  origin: ORIGIN,
  version: 5,
  iat: NOW_S - 100,
  exp: NOW_S + 3600,
  source: 'holdpoint: 1\n',
}

export const registration: Registration = {
  v: 1,
  version: 2,
  iat: NOW_S - 100,
  agent: { iss: ORIGIN, sub: 'billing', name: 'Billing agent' },
  owner: { iss: 'https://idp.example.com', sub: 'olga' },
  environment: 'prod',
  enforcement: 'in-process',
}

const approval = (sub: string) => ({
  iss: 'https://idp.example.com',
  sub,
  name: sub,
  assurance: 'login' as const,
  channel: 'cli',
  evidence: digest('e'),
})
const position = { origin: ORIGIN, index: 41, leaf: Buffer.alloc(32, 7).toString('base64') }
const trace = { traceId: '1'.repeat(32), spanId: '2'.repeat(16) }

export const warrant: WarrantClaims = {
  iss: ORIGIN,
  aud: 'in-process:billing',
  sub: 'carl',
  act: { iss: ORIGIN, sub: 'billing' },
  iat: NOW_S,
  nbf: NOW_S,
  exp: NOW_S + 300,
  jti: '1-request',
  txn: '1-request',
  authorization_details: [
    {
      type: 'holdpoint_action',
      actions: ['export'],
      kind: 'tool',
      action_digest: digest('a'),
      precondition: 'etag-1',
    },
  ],
  hp: {
    v: 1,
    decision: 'approved',
    policy_version: 5,
    policy_hash: digest('b'),
    rule: 'export',
    render_hash: digest('c'),
    runtime: { trace_id: trace.traceId, span_id: trace.spanId },
    approvals: [approval('bea'), approval('dan')],
    ledger: position,
  },
}

export const expectedWarrant = {
  aud: 'in-process:billing',
  requestId: '1-request',
  actionDigest: digest('a'),
  trace,
  precondition: 'etag-1',
} as const

export const consumed: ConsumedClaims = {
  iss: ORIGIN,
  aud: 'in-process:billing',
  jti: '1-request',
  nonce: 'n'.repeat(22),
  iat: NOW_S,
  exp: NOW_S + 60,
  action_digest: digest('a'),
  trace,
  ledger: position,
}

export const expectedConsumed = {
  aud: 'in-process:billing',
  requestId: '1-request',
  nonce: 'n'.repeat(22),
  actionDigest: digest('a'),
} as const

export interface Clock {
  nowS: number
}

/** A verifier that has adopted the key set, and the clock that it reads. */
export function trusting(set: object = keySet): { trust: Trust; clock: Clock } {
  const clock = { nowS: NOW_S }
  const trust = createTrust({ pin: formatPin(organisation.x) }, { now: () => clock.nowS * 1000 })
  trust.adoptKeySet(signDocument(TYP.keySet, set, organisation))
  return { trust, clock }
}

/** A JWS with any header and payload at all, rightly signed. */
export function signRaw(header: string | object, payload: string | object, key: PrivateKey): string {
  const part = (value: string | object) =>
    Buffer.from(typeof value === 'string' ? value : canonicalize(value)).toString('base64url')
  const signed = `${part(header)}.${part(payload)}`
  return `${signed}.${Buffer.from(key.sign(signed)).toString('base64url')}`
}

export const headerOf = (typ: Typ, key: PrivateKey) => ({ alg: 'EdDSA', typ, kid: key.kid })

/** A copy with one member, given by its path, replaced, or removed when `value` is undefined. */
export function withMember<T extends object>(document: T, path: string, value: unknown): T {
  const copy = structuredClone(document) as Record<string, unknown>
  const names = path.split('.')
  const last = names.pop() as string
  let at = copy
  for (const name of names) at = at[name] as Record<string, unknown>
  if (value === undefined) delete at[last]
  else at[last] = value
  return copy as T
}
