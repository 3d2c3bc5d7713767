import { DEVELOPMENT_ISSUER } from '#identity'
import { tokenOf } from '../../support/token.ts'
import { type Attack, guardIn, refusedWith } from './attack.ts'

const inIdentity = guardIn('src/identity/identity.ts')
const inClaims = guardIn('src/identity/claims.ts')
const NEVER = 'if (false as boolean)'
const MAIL = 'identity by e-mail (nOAuth)'
const nowS = () => Math.floor(Date.now() / 1000)

const audience = inIdentity(
  'token-audience',
  'A token that was made for another application.',
  '      audience: audienceOf(trusted),\n',
)
const lasting = inIdentity(
  'token-expires',
  'A token without an end.',
  "requiredClaims: ['sub', 'exp', 'iat'],",
  "requiredClaims: ['sub', 'iat'],",
)
const clock = inIdentity(
  'token-clock',
  'An old token, forever good.',
  'currentDate: new Date(deps.now()),',
  'currentDate: new Date(0),',
  [
    {
      file: 'src/identity/identity.ts',
      find: 'if (Number(claims.iat) > deps.now() / 1000 + CLOCK_LEEWAY_S)',
      replace: NEVER,
    },
  ],
)
const future = inIdentity(
  'token-from-the-future',
  'A token dated ahead, to live longer.',
  'if (Number(claims.iat) > deps.now() / 1000 + CLOCK_LEEWAY_S)',
  NEVER,
)
const acting = inClaims(
  'token-of-an-actor',
  'An agent that reviews with what it was given to work with.',
  "if ('act' in claims)",
  NEVER,
)
const events = inClaims(
  'token-of-an-event',
  'A sign-out token that signs somebody in.',
  "if ('events' in claims)",
  NEVER,
)
const overage = inClaims(
  'groups-left-out',
  'Groups that the provider left out, taken for none.',
  "if ('_claim_names' in claims || 'hasgroups' in claims)",
  NEVER,
)

const CASES: [name: string, threat: string, guard: Attack['guard'], claims: () => Record<string, unknown>][] =
  [
    ['a token for another application', MAIL, audience, () => ({ aud: 'another-client' })],
    ['a token for two others', MAIL, audience, () => ({ aud: ['one', 'two'] })],
    ['a token that never ends', 'warrant theft and replay', lasting, () => ({ exp: undefined })],
    [
      'a token that has expired',
      'warrant theft and replay',
      clock,
      () => ({ iat: nowS() - 7_200, exp: nowS() - 3_600 }),
    ],
    [
      'a token from tomorrow',
      'warrant theft and replay',
      future,
      () => ({ iat: nowS() + 86_400, exp: nowS() + 90_000 }),
    ],
    [
      'a token of whoever acts for Bob',
      'an identity taken from the request body (decidedBy, CLI --as)',
      acting,
      () => ({ act: { sub: 'agent' } }),
    ],
    [
      'a token that tells of a sign-out',
      'Teams forgery',
      events,
      () => ({ events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }),
    ],
    ['a token that leaves its groups out', 'Teams forgery', overage, () => ({ hasgroups: true })],
  ]

export const identityAttacks: readonly Attack[] = CASES.map(([name, threat, guard, claims]) => ({
  name,
  threat,
  enforcementPoint: 'broker',
  guard,
  async run(scenes) {
    const house = await scenes.house()
    const token = await tokenOf(house.home, {
      sub: 'bob',
      groups: ['sre'],
      iss: DEVELOPMENT_ISSUER,
      ...claims(),
    })
    return refusedWith(house.desk.list(token), 'UNAUTHENTICATED')
  },
}))
