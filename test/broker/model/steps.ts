import fc from 'fast-check'

export const AGENTS = ['billing', 'support'] as const
/** Alice and bob may release; olga owns the agents; the bot is a service account. */
export const PEOPLE = ['alice', 'bob', 'carol', 'olga', 'bot'] as const

/** What may happen to the authority, by agents, people, time and bad luck. */
export type Step =
  | { do: 'ask'; at: number; agent: (typeof AGENTS)[number]; name: (typeof NAMES)[number]; attempt: number }
  | {
      do: 'review'
      at: number
      request: number
      person: (typeof PEOPLE)[number]
      verdict: 'approve' | 'deny'
    }
  | { do: 'claim' | 'cancel' | 'outcome'; at: number; request: number }
  | { do: 'consume'; at: number; request: number; nonce: number }
  | { do: 'freeze' | 'thaw'; at: number; person: (typeof PEOPLE)[number]; agent: (typeof AGENTS)[number] }
  | { do: 'take back' | 'revoke'; at: number; request: number; person: (typeof PEOPLE)[number] }
  | { do: 'sweep' | 'follow' | 'kill'; at: number }
  | { do: 'wait'; ms: number }

/** One rule each: one person, two people, two people out of two groups, two denials. */
export const NAMES = ['one', 'two', 'parts', 'stubborn'] as const
export const POLICY = `holdpoint: 1
defaults: { approvals: { from: [sre] }, timeout: 10m }
groups:
  sre: ["oidc:https://idp.example.com#sub/alice", "oidc:https://idp.example.com#sub/bob", "oidc:https://idp.example.com#sub/olga", "oidc:https://idp.example.com#sub/bot"]
  data: ["oidc:https://idp.example.com#sub/bob", "oidc:https://idp.example.com#sub/carol"]
rules:
  - { id: one, match: { name: one }, effect: hold, rememberDenial: 1s, validFor: 5m }
  - { id: two, match: { name: two }, effect: hold, rememberDenial: 1s, approvals: { from: [sre, data], threshold: 2 } }
  - { id: parts, match: { name: parts }, effect: hold, rememberDenial: 1s, approvals: { all: [{ from: [sre] }, { from: [data] }] } }
  - { id: stubborn, match: { name: stubborn }, effect: hold, rememberDenial: 1s, approvals: { from: [sre, data], denials: 2 } }
`

const at = fc.nat({ max: 1 })
const request = fc.nat({ max: 2 })
const person = fc.constantFrom(...PEOPLE)

const ask: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('ask' as const),
  at,
  agent: fc.constantFrom(...AGENTS),
  name: fc.constantFrom(...NAMES),
  attempt: fc.nat({ max: 1 }),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: ask },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('review' as const),
      at,
      request,
      person,
      verdict: fc.constantFrom('approve' as const, 'approve' as const, 'approve' as const, 'deny' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('claim', 'claim', 'claim', 'outcome', 'outcome', 'cancel'),
      at,
      request,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('consume' as const), at, request, nonce: fc.nat({ max: 1 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('take back', 'revoke'), at, request, person }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('sweep', 'sweep', 'follow', 'follow', 'kill'), at }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1_000, 200_000, 400_000) }),
  },
)

/** What a few callers do, each one thing after the other, all of them at once. */
export const lanes: fc.Arbitrary<Step[][]> = fc.array(
  fc.tuple(ask, fc.array(step, { maxLength: 15 })).map(([first, rest]) => [first, ...rest]),
  { minLength: 1, maxLength: 4 },
)
export const faults = fc.infiniteStream(
  fc.oneof(
    { weight: 30, arbitrary: fc.constant('none' as const) },
    { weight: 1, arbitrary: fc.constant('lost answer' as const) },
    { weight: 1, arbitrary: fc.constant('lost write' as const) },
  ),
)
