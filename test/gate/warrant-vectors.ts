import { digestJson, type JsonValue, TYP } from '#contract'
import { formatPin } from '#warrant'
import { signDocument } from '#warrant/issue'
import { withMember } from '../warrant/fixtures.ts'
import {
  ACTION,
  AGENT,
  ARGUMENTS,
  claimsFor,
  digestOf,
  disclose,
  type Given,
  keySet,
  keys,
  LEAF,
  NOW,
  ORIGIN,
  organisation,
  PEOPLE,
  proofOf,
  registration,
  stranger,
  withHeader,
} from './vector-proofs.ts'

/** What a resource in any language is held to; `test/vectors/warrants.json`. */
export interface WarrantVectors {
  about: string
  pin: string
  resource: string
  /** Seconds. */
  now: number
  documents: { keySet: string; registration: string }
  cases: WarrantCase[]
  consumed: ConsumedCase[]
}
export interface WarrantCase {
  name: string
  proof: string
  action: { kind: string; name: string; target?: string }
  /** As received. */
  argumentsText: string
  now?: number
  result: { ok: true; requestId: string; actionDigest: string } | Failure
}
export interface ConsumedCase {
  name: string
  jws: string
  requestId: string
  nonce: string
  actionDigest: string
  result: { ok: true } | Failure
}
interface Failure {
  ok: false
  code: string
}

const accepted = (name: string, given: Given): WarrantCase => ({
  name,
  proof: proofOf(given),
  action: given.action ?? ACTION,
  argumentsText: given.argumentsText ?? ARGUMENTS,
  result: { ok: true, requestId: '1-request', actionDigest: digestOf(given) },
})

const refused = (name: string, code: string, more: Partial<WarrantCase> = {}): WarrantCase => ({
  name,
  proof: proofOf(),
  action: ACTION,
  argumentsText: ARGUMENTS,
  ...more,
  result: { ok: false, code },
})

const claiming = (path: string, value: JsonValue | undefined) =>
  proofOf({}, (claims) => withMember(claims, path, value))

const [rosa] = claimsFor({}).hp.approvals

const cases: WarrantCase[] = [
  accepted('an approved action', {}),
  {
    ...accepted('the same arguments, written otherwise', {}),
    argumentsText: '{ "to" : "DE0\\u0032", "amount" : 2.505e2 }',
  },
  accepted('no target', { action: { kind: 'http', name: 'POST /payouts' } }),
  accepted('somebody acted for', { onBehalfOf: PEOPLE }),
  accepted('every binding', {
    bindings: {
      cwdDigest: digestJson('cwd'),
      envDigest: digestJson('env'),
      toolSchemaDigest: digestJson('schema'),
      precondition: 'etag "7"',
    },
  }),
  accepted('keys in the order of UTF-16, and numbers in that of ECMAScript', {
    argumentsText:
      '{"€":1e-7,"\\r":-0,"דּ":0.000001,"😀":null,"1":[123456789.25,5e-324,-0.1,1e-6],"ö":"\\u0001\\"\\\\/\\u2028\\u007f"}',
  }),
  accepted('nothing but null', { argumentsText: 'null' }),
  refused('another amount', 'WARRANT_MISMATCH', { argumentsText: '{"amount":2505,"to":"DE02"}' }),
  refused('a number as text', 'WARRANT_MISMATCH', { argumentsText: '{"amount":"250.5","to":"DE02"}' }),
  refused('another kind', 'WARRANT_MISMATCH', { action: { ...ACTION, kind: 'http' } }),
  refused('another name', 'WARRANT_MISMATCH', { action: { ...ACTION, name: 'payout_all' } }),
  refused('another target', 'WARRANT_MISMATCH', { action: { ...ACTION, target: 'accounts/us' } }),
  refused('no target where one was approved', 'WARRANT_MISMATCH', {
    action: { kind: 'tool', name: 'payout' },
  }),
  refused('a key twice', 'INVALID_INPUT', { argumentsText: '{"amount":1,"amount":250.5,"to":"DE02"}' }),
  refused('a key twice, once escaped', 'INVALID_INPUT', {
    argumentsText: '{"amount":1,"\\u0061mount":250.5,"to":"DE02"}',
  }),
  refused('an integer beyond 2^53', 'INVALID_INPUT', { argumentsText: '{"amount":9007199254740993}' }),
  refused('a lone surrogate', 'INVALID_INPUT', { argumentsText: '{"to":"\\ud800"}' }),
  refused('no JSON', 'INVALID_INPUT', { argumentsText: '{amount:250.5}' }),
  refused('after it has expired', 'STALE', { now: NOW + 290 }),
  ...(
    [
      ['another resource', 'aud', 'resource:shipping'],
      ['a gate of the same name', 'aud', 'in-process:billing'],
      ['another issuer', 'iss', 'evil.example'],
      ['another agent', 'act.sub', 'other'],
      ['an agent of another house', 'act.iss', 'evil.example'],
      ['another transaction', 'txn', '1-other'],
      ['another digest', 'authorization_details.0.action_digest', digestJson('another')],
      ['another name in words', 'authorization_details.0.actions', ['payout_all']],
      ['a precondition that is not disclosed', 'authorization_details.0.precondition', 'etag'],
      ['another ledger', 'hp.ledger.origin', `${ORIGIN}x`],
      ['the agent as approver', 'hp.approvals', [{ ...rosa, ...AGENT }]],
      ['one approver twice', 'hp.approvals', [rosa, rosa]],
      ['a later beginning', 'nbf', NOW + 31],
      ['a longer life', 'exp', NOW + 1000],
    ] as [string, string, JsonValue][]
  ).map(([name, path, value]) =>
    refused(`a warrant that names ${name}`, 'WARRANT_MISMATCH', { proof: claiming(path, value) }),
  ),
  refused('a stranger’s signature', 'UNTRUSTED', { proof: proofOf({}, undefined, stranger) }),
  refused('the policy key’s signature', 'UNTRUSTED', { proof: proofOf({}, undefined, keys.policy) }),
  refused('the organisation key’s signature', 'UNTRUSTED', { proof: proofOf({}, undefined, organisation) }),
  refused('no algorithm', 'UNTRUSTED', { proof: withHeader({ alg: 'none' }, '') }),
  refused('another algorithm', 'UNTRUSTED', { proof: withHeader({ alg: 'HS256' }) }),
  refused('another type', 'UNTRUSTED', { proof: withHeader({ typ: TYP.consumed }) }),
  refused('a key in the header', 'UNTRUSTED', {
    proof: withHeader({ jwk: { kty: 'OKP', crv: 'Ed25519', x: keys.broker.x } }),
  }),
  refused('a critical extension', 'UNTRUSTED', { proof: withHeader({ crit: ['b64'], b64: true }) }),
  refused('a signature cut short', 'UNTRUSTED', { proof: proofOf().replace(/.{4}~/, '~') }),
  refused('another salt', 'WARRANT_MISMATCH', {
    proof: `${proofOf().split('~')[0]}~${disclose({}, { salt: 'A'.repeat(22) })}`,
  }),
  refused('somebody acted for who was not', 'WARRANT_MISMATCH', {
    proof: `${proofOf().split('~')[0]}~${disclose({ onBehalfOf: PEOPLE })}`,
  }),
  refused('one member too many disclosed', 'INVALID_INPUT', {
    proof: `${proofOf().split('~')[0]}~${disclose({}, { environment: 'prod' })}`,
  }),
  refused('no second part', 'INVALID_INPUT', { proof: proofOf().split('~')[0] ?? '' }),
  refused('a third part', 'INVALID_INPUT', { proof: `${proofOf()}~e30` }),
  refused('padding', 'INVALID_INPUT', { proof: `${proofOf()}=` }),
  refused('noise', 'INVALID_INPUT', { proof: 'noise' }),
]

const CONSUMED = {
  iss: ORIGIN,
  aud: 'resource:billing',
  jti: '1-request',
  nonce: 'nonce-of-the-vectors',
  iat: NOW,
  exp: NOW + 300,
  action_digest: digestOf({}),
  trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) },
  ledger: { origin: ORIGIN, index: 8, leaf: LEAF },
}

const answer = (name: string, more: object, code?: string, key = keys.broker): ConsumedCase => ({
  name: `consumed: ${name}`,
  jws: signDocument(TYP.consumed, { ...CONSUMED, ...more }, key),
  requestId: CONSUMED.jti,
  nonce: CONSUMED.nonce,
  actionDigest: CONSUMED.action_digest,
  result: code === undefined ? { ok: true } : { ok: false, code },
})

export const warrantVectors = (): WarrantVectors => ({
  about:
    'What a resource accepts and refuses. Times in seconds; the keys are of the seeds 01…01 to 04…04, and sign nothing else.',
  pin: formatPin(organisation.x),
  resource: 'billing',
  now: NOW,
  documents: {
    keySet: signDocument(TYP.keySet, keySet, organisation),
    registration: signDocument(TYP.registration, registration, keys.registry),
  },
  cases,
  consumed: [
    answer('for this very call', {}),
    answer('for another nonce', { nonce: 'nonce-of-somebody-else' }, 'WARRANT_MISMATCH'),
    answer('for another request', { jti: '1-other' }, 'WARRANT_MISMATCH'),
    answer('for another action', { action_digest: digestJson('another') }, 'WARRANT_MISMATCH'),
    answer('for another resource', { aud: 'resource:shipping' }, 'WARRANT_MISMATCH'),
    answer('from the past', { iat: NOW - 600, exp: NOW - 300 }, 'STALE'),
    answer('signed by a stranger', {}, 'UNTRUSTED', stranger),
    {
      ...answer('a warrant in its place', {}, 'UNTRUSTED'),
      jws: signDocument(TYP.warrant, claimsFor({}), keys.broker),
    },
  ],
})
