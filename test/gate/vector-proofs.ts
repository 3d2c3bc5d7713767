import {
  actionDigest,
  type Bindings,
  canonicalize,
  digestJson,
  type KeyUse,
  type Principal,
  parseJson,
  TYP,
  type WarrantClaims,
} from '#contract'
import { loadKey, type PrivateKey, signDocument } from '#warrant/issue'

export const NOW = 1_800_000_000
export const ORIGIN = 'vectors.example/holdpoint'
export const LEAF = Buffer.alloc(32, 7).toString('base64')
/** Keys that everybody knows: they sign nothing but these vectors. */
export const keyOf = (byte: number): PrivateKey => loadKey(Buffer.alloc(32, byte).toString('base64url'))
export const organisation = keyOf(1)
export const stranger = keyOf(9)
export const keys = { broker: keyOf(2), policy: keyOf(3), registry: keyOf(4) }

export const keySet = {
  v: 1,
  origin: ORIGIN,
  version: 1,
  iat: NOW - 1000,
  exp: NOW + 86_400,
  keys: Object.entries(keys).map(([use, { kid, x }]) => ({ kid, use: use as KeyUse, x })),
}
export const registration = {
  v: 1,
  version: 1,
  iat: NOW - 1000,
  agent: { iss: ORIGIN, sub: 'billing', name: 'Billing' },
  owner: { iss: 'https://idp.example.com', sub: 'olga' },
  environment: 'prod',
  enforcement: 'resource',
}
export const ACTION = { kind: 'tool', name: 'payout', target: 'accounts/eu' }
export const ARGUMENTS = '{"amount":250.5,"to":"DE02"}'
export const SALT = 'c2FsdC1vZi10aGUtdmVjdG9ycw'
export const PEOPLE: Principal[] = [{ iss: 'https://idp.example.com', sub: 'carla' }]
export const AGENT = { iss: ORIGIN, sub: 'clerk' }

export interface Given {
  action?: { kind: string; name: string; target?: string }
  argumentsText?: string
  onBehalfOf?: Principal[]
  bindings?: Bindings
}

export function digestOf({
  action = ACTION,
  argumentsText = ARGUMENTS,
  onBehalfOf = [],
  bindings = {},
}: Given): string {
  return actionDigest(
    { ...action, arguments: parseJson(argumentsText), runtime: bindings },
    { agent: AGENT, environment: 'prod', enforcement: 'resource:billing', onBehalfOf },
    SALT,
  )
}

export function claimsFor(given: Given): WarrantClaims {
  const { action = ACTION, bindings = {} } = given
  const digest = digestOf(given) as `sha-256:${string}`
  return {
    iss: ORIGIN,
    aud: 'resource:billing',
    sub: 'clerk',
    act: AGENT,
    iat: NOW - 10,
    nbf: NOW - 10,
    exp: NOW + 290,
    jti: '1-request',
    txn: '1-request',
    authorization_details: [
      {
        type: 'holdpoint_action',
        actions: [action.name],
        ...(action.target === undefined ? {} : { locations: [action.target] as [string] }),
        kind: action.kind,
        action_digest: digest,
        ...(bindings.precondition === undefined ? {} : { precondition: bindings.precondition }),
      },
    ],
    hp: {
      v: 1,
      decision: 'approved',
      policy_version: 1,
      policy_hash: digestJson('policy'),
      rule: 'payouts',
      render_hash: digestJson('card'),
      runtime: { trace_id: 'a'.repeat(32), span_id: 'b'.repeat(16) },
      approvals: [
        {
          iss: 'https://idp.example.com',
          sub: 'rosa',
          name: 'Rosa',
          channel: 'cli',
          assurance: 'login',
          evidence: digestJson('evidence'),
        },
      ],
      ledger: { origin: ORIGIN, index: 7, leaf: LEAF },
    },
  }
}

export const encode = (text: string) => Buffer.from(text).toString('base64url')

export function disclose({ onBehalfOf = [], bindings = {} }: Given, more: object = {}): string {
  const { cwdDigest: cwd, envDigest: env, toolSchemaDigest: toolSchema, precondition } = bindings
  const whole = { salt: SALT, onBehalfOf, bindings: { cwd, env, toolSchema, precondition }, ...more }
  return encode(canonicalize(whole))
}

export const proofOf = (
  given: Given = {},
  change = (claims: WarrantClaims): object => claims,
  key = keys.broker,
) => `${signDocument(TYP.warrant, change(claimsFor(given)), key)}~${disclose(given)}`

export function withHeader(more: object, signature?: string): string {
  const [warrant = '', disclosed] = proofOf().split('~')
  const [, payload, signed] = warrant.split('.')
  const header = encode(canonicalize({ alg: 'EdDSA', typ: TYP.warrant, kid: keys.broker.kid, ...more }))
  const bytes = keys.broker.sign(`${header}.${payload}`)
  return `${header}.${payload}.${signature ?? (signed && Buffer.from(bytes).toString('base64url'))}~${disclosed}`
}
