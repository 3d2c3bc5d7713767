import { type ConsumedClaims, digestJson, type WarrantClaims } from '#contract'
import type { Edit } from '../../support/guards.ts'
import { type Attack, guardIn } from './attack.ts'
import { holdWith, sign } from './forged-release.ts'

const inClaims = guardIn('src/warrant/claims.ts')
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

export const warrantAttacks: readonly Attack[] = [...claimAttacks, ...consumedAttacks]
