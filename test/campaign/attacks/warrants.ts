import { type ConsumeCall, type ConsumedClaims, digestJson, TYP, type WarrantClaims } from '#contract'
import { generateKey, loadKey, type PrivateKey, signDocument } from '#warrant/issue'
import { attempt, type Scene } from '../../support/gate-scene.ts'
import type { Edit } from '../../support/guards.ts'
import type { ScriptedRequest } from '../../support/scripted-broker.ts'
import { consumedClaims } from '../../support/scripted-claims.ts'
import { type Attack, guardIn } from './attack.ts'

const inClaims = guardIn('src/warrant/claims.ts')
const inTrust = guardIn('src/warrant/trust.ts')
const inJws = guardIn('src/warrant/jws.ts')
const nowS = () => Math.floor(Date.now() / 1000)

const THEFT = 'warrant theft and replay'
const SWAP = 'environment swap; approval by name only (MCPoison, CVE-2025-54136)'
const SECOND_ACCOUNT = 'self-approval, second account, bot'
const BROKER = 'a broker, or whoever sits in between, that lies'

/** One claim wrong at a time, under the right signature. */
const CLAIMS: [
  guard: string,
  threat: string,
  check: string,
  change: (claims: WarrantClaims) => WarrantClaims,
][] = [
  [
    'warrant-iss',
    BROKER,
    "same('warrant: iss', claims.iss, origin)",
    (claims) => ({ ...claims, iss: 'evil.example' }),
  ],
  [
    'warrant-aud',
    THEFT,
    "same('warrant: aud', claims.aud, expected.aud)",
    (claims) => ({ ...claims, aud: 'gateway:other' }),
  ],
  [
    'warrant-act',
    THEFT,
    "same('warrant: act.iss', claims.act.iss, origin)",
    (claims) => ({ ...claims, act: { ...claims.act, iss: 'evil.example' } }),
  ],
  [
    'warrant-jti',
    THEFT,
    "same('warrant: jti', claims.jti, expected.requestId)",
    (claims) => ({ ...claims, jti: '1-another' }),
  ],
  [
    'warrant-txn',
    THEFT,
    "same('warrant: txn', claims.txn, expected.requestId)",
    (claims) => ({ ...claims, txn: '1-another' }),
  ],
  [
    'warrant-action',
    'a script rewritten while its request is pending (openclaw #124738)',
    "same('warrant: action_digest', detail.action_digest, expected.actionDigest)",
    (claims) => withDetail(claims, { action_digest: digestJson('another') }),
  ],
  [
    'warrant-precondition',
    SWAP,
    "same('warrant: precondition', detail.precondition, expected.precondition)",
    (claims) => withDetail(claims, { precondition: 'etag-2' }),
  ],
  [
    'warrant-trace',
    'forged span attributes',
    "same('warrant: trace_id', claims.hp.runtime.trace_id, expected.trace.traceId)",
    (claims) => withHp(claims, { runtime: { ...claims.hp.runtime, trace_id: 'a'.repeat(32) } }),
  ],
  [
    'warrant-span',
    'forged span attributes',
    "same('warrant: span_id', claims.hp.runtime.span_id, expected.trace.spanId)",
    (claims) => withHp(claims, { runtime: { ...claims.hp.runtime, span_id: 'a'.repeat(16) } }),
  ],
  [
    'warrant-ledger',
    BROKER,
    "checkLedgerOrigin('warrant', claims.hp.ledger.origin, origin)",
    (claims) => withHp(claims, { ledger: { ...claims.hp.ledger, origin: 'evil.example/log' } }),
  ],
  [
    'warrant-no-approvals',
    'executes unapproved (openclaw #78415)',
    "if (approvals.length === 0) throw mismatch('warrant: no approvals')",
    (claims) => withHp(claims, { approvals: [] }),
  ],
  [
    'warrant-counted-twice',
    SECOND_ACCOUNT,
    'if (seen.some((other) => samePrincipal(other, approval)))',
    (claims) => withHp(claims, { approvals: [...claims.hp.approvals, ...claims.hp.approvals] }),
  ],
  [
    'warrant-self-approval',
    SECOND_ACCOUNT,
    "if (samePrincipal(approval, act)) throw mismatch('warrant: the agent approved its own action')",
    (claims) =>
      withHp(claims, { approvals: claims.hp.approvals.map((approval) => ({ ...approval, ...claims.act })) }),
  ],
  [
    'warrant-expired',
    THEFT,
    'if (!(nowS < exp))',
    (claims) => ({ ...claims, iat: nowS() - 200, nbf: nowS() - 200, exp: nowS() - 1 }),
  ],
  [
    'warrant-from-the-future',
    THEFT,
    'if (!(iat <= nowS + CLOCK_LEEWAY_S))',
    (claims) => ({ ...claims, iat: nowS() + 90, exp: nowS() + 300 }),
  ],
  [
    'warrant-not-yet',
    THEFT,
    'if (!(claims.nbf <= nowS + CLOCK_LEEWAY_S))',
    (claims) => ({ ...claims, nbf: nowS() + 90 }),
  ],
  [
    'warrant-long-life',
    THEFT,
    'if (!(lifeS > 0 && lifeS <= mostS))',
    (claims) => ({ ...claims, exp: nowS() + 86_400 }),
  ],
]

function withDetail(
  claims: WarrantClaims,
  change: Partial<WarrantClaims['authorization_details'][0]>,
): WarrantClaims {
  return { ...claims, authorization_details: [{ ...claims.authorization_details[0], ...change }] }
}
function withHp(claims: WarrantClaims, change: Partial<WarrantClaims['hp']>): WarrantClaims {
  return { ...claims, hp: { ...claims.hp, ...change } }
}

/** A condition that stands before a `throw` becomes one that never holds. */
const withoutCheck = (check: string): string =>
  check.startsWith('if ') && !check.includes(' throw ') ? 'if (false as boolean)' : ''

/** The shape asks for one as well. */
const AND: Record<string, Edit[]> = {
  'warrant-no-approvals': [
    {
      file: 'src/contract/warrant.ts',
      find: '      {\n        min: 1,\n        max: 20,',
      replace: '      {\n        max: 20,',
    },
  ],
}

const claimAttacks: Attack[] = CLAIMS.map(([guard, threat, check, change]) => ({
  name: `a warrant with one thing wrong: ${guard}`,
  threat,
  enforcementPoint: 'in-process gate',
  guard: inClaims(guard, `A warrant that is not this one: ${guard}.`, check, withoutCheck(check), AND[guard]),
  run: async (scenes) =>
    holdWith(await scenes.gate(), { warrant: (claims, { keys }) => sign(change(claims), keys.broker) }),
}))

const sign = (claims: object, key: PrivateKey, typ: string = TYP.warrant): string =>
  signDocument(typ as typeof TYP.warrant, claims, key)

const CONSUMED: [guard: string, check: string, change: Partial<ConsumedClaims> | 'ledger'][] = [
  ['consumed-iss', "same('consume answer: iss', claims.iss, origin)", { iss: 'evil.example' }],
  ['consumed-aud', "same('consume answer: aud', claims.aud, expected.aud)", { aud: 'gateway:other' }],
  ['consumed-jti', "same('consume answer: jti', claims.jti, expected.requestId)", { jti: '1-another' }],
  [
    'consumed-nonce',
    "same('consume answer: nonce', claims.nonce, expected.nonce)",
    { nonce: 'n'.repeat(22) },
  ],
  [
    'consumed-action',
    "same('consume answer: action_digest', claims.action_digest, expected.actionDigest)",
    { action_digest: digestJson('another') },
  ],
  ['consumed-ledger', "checkLedgerOrigin('consume answer', claims.ledger.origin, origin)", 'ledger'],
]

const consumedAttacks: Attack[] = CONSUMED.map(([guard, check, change]) => ({
  name: `an answer to consume that is not for this call: ${guard}`,
  threat: THEFT,
  enforcementPoint: 'in-process gate',
  guard: inClaims(guard, `An answer about another consumption: ${guard}.`, check),
  run: async (scenes) =>
    holdWith(await scenes.gate(), {
      consumed: (claims) =>
        change === 'ledger'
          ? { ...claims, ledger: { ...claims.ledger, origin: 'evil.example/log' } }
          : { ...claims, ...change },
    }),
}))

const stranger = loadKey(generateKey().seed)
const signature = inJws(
  'signature',
  'A document that nobody has signed.',
  'if (!key.verify(signed, signature)) throw',
  'if (false as boolean) throw',
)
const keyUse = inTrust(
  'key-use',
  'A key that signs what it is not for.',
  'return signer?.use === use ? signer.key : undefined',
  'return signer?.key',
)
const typ = inJws(
  'typ',
  'A document of one kind, played back as another.',
  'typ: literal(typ),',
  'typ: text({ min: 1 }) as never,',
)

const signatureAttacks: Attack[] = (
  [
    [
      'a warrant whose payload was changed after it was signed',
      signature,
      THEFT,
      (claims, { keys }) => tampered(sign(claims, keys.broker)),
    ],
    [
      'a warrant with the signature of another document',
      signature,
      THEFT,
      (claims, { keys }) => spliced(sign(claims, keys.broker), sign({ ...claims, sub: 'x' }, keys.broker)),
    ],
    [
      'a warrant with an empty signature',
      signature,
      THEFT,
      (claims, { keys }) => `${sign(claims, keys.broker).split('.').slice(0, 2).join('.')}.`,
    ],
    [
      'a warrant signed by a stranger under the broker’s key id',
      signature,
      THEFT,
      (claims, { keys }) => renamed(sign(claims, stranger), stranger, keys.broker),
    ],
    ['a warrant signed with the policy key', keyUse, BROKER, (claims, { keys }) => sign(claims, keys.policy)],
    [
      'a warrant signed with the registry key',
      keyUse,
      BROKER,
      (claims, { keys }) => sign(claims, keys.registry),
    ],
    [
      'a warrant under the type of an answer to consume',
      typ,
      BROKER,
      (claims, { keys }) => sign(claims, keys.broker, TYP.consumed),
    ],
    [
      'a warrant under the type of a plain JWT',
      typ,
      BROKER,
      (claims, { keys }) => sign(claims, keys.broker, 'JWT'),
    ],
  ] as [string, Attack['guard'], string, Forge][]
).map(([name, guard, threat, forge]) => ({
  name,
  threat,
  enforcementPoint: 'in-process gate',
  guard,
  run: async (scenes) => holdWith(await scenes.gate(), { warrant: forge }),
}))

type Forge = (claims: WarrantClaims, broker: Scene['broker']) => string
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const spliced = (one: string, other: string): string =>
  [...one.split('.').slice(0, 2), other.split('.')[2]].join('.')
function tampered(jws: string): string {
  const [head, body = '', signed] = jws.split('.')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as WarrantClaims
  return [head, encode({ ...claims, sub: 'somebody-else' }), signed].join('.')
}
function renamed(jws: string, from: PrivateKey, to: PrivateKey): string {
  const [head = '', body, signed] = jws.split('.')
  const header = Buffer.from(head, 'base64url').toString().replace(from.kid, to.kid)
  return [Buffer.from(header).toString('base64url'), body, signed].join('.')
}

/** Holds an action that is approved, before a broker that forges. What runs in spite of that is the attacker's. */
async function holdWith(
  scene: Scene,
  forged: { warrant?: Forge; consumed?: (claims: ConsumedClaims) => object },
): Promise<string | undefined> {
  const { broker, gate } = scene
  broker.onRequest = () => 'approved'
  broker.intercept = ({ name, body }, honest) => {
    const request = broker.requests.at(-1) as ScriptedRequest
    if (name === 'claim' && forged.warrant && honest.status === 'approved')
      return { ...honest, warrant: forged.warrant(broker.warrantFor(request), broker) }
    if (name === 'consume' && forged.consumed && 'consumed' in honest) {
      const claims = consumedClaims(request, body as unknown as ConsumeCall, broker.origin)
      return {
        consumed: signDocument(TYP.consumed, forged.consumed(claims as ConsumedClaims), broker.keys.broker),
      }
    }
    return honest
  }
  try {
    const held = await gate.hold(attempt(), () => 'ran')
    if (held.ran) return 'the tool ran'
    return EXPECTED.has(held.refusal.code) ? undefined : `it was refused with ${held.refusal.code}`
  } finally {
    broker.intercept = (_call, honest) => honest
    broker.onRequest = () => undefined
  }
}
const EXPECTED: ReadonlySet<string> = new Set(['UNTRUSTED', 'STALE', 'WARRANT_MISMATCH'])

export const warrantAttacks: readonly Attack[] = [...claimAttacks, ...consumedAttacks, ...signatureAttacks]
