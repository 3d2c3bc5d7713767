import { expect, test } from 'vitest'
import {
  missingParts,
  missingText,
  type RequestSummary,
  STATE_TEXT,
  statusModel,
  timeLeftText,
} from '#contract'

const summary: RequestSummary = {
  requestId: '1-abc',
  state: 'pending',
  agent: 'Support',
  agentId: 'support-agent',
  environment: 'prod',
  kind: 'tool',
  name: 'export_customers',
  rule: 'r',
  requestedAtMs: 0,
  expiresAtMs: 250_000,
  threshold: 2,
  from: ['sre'],
  assurance: 'login',
  reviews: [{ name: 'Bob', iss: 'i', sub: 'bob', verdict: 'approve', atMs: 5 }],
}

test('status - while it waits: who answered, how many are missing, how long is left', () => {
  expect(statusModel(summary, 0)).toEqual({
    isPending: true,
    text: 'waits for a decision',
    reviews: ['Bob (bob) approved'],
    missing: 1,
    missingOf: '1 of sre',
    escalation: [],
    timeLeft: '4 min 10 s left',
  })
})

test('status - one person counts once, and a denial counts for nothing', () => {
  const [bob] = summary.reviews
  if (!bob) throw new Error('no review')
  const reviews = [bob, { ...bob, atMs: 6 }, { ...bob, sub: 'carol', verdict: 'deny' as const }]
  expect(statusModel({ ...summary, reviews }, 0).missing).toBe(1)
})

test('status - the same subject of another issuer is another person', () => {
  const [bob] = summary.reviews
  if (!bob) throw new Error('no review')
  expect(statusModel({ ...summary, reviews: [bob, { ...bob, iss: 'j' }] }, 0).missing).toBe(0)
})

test('status - once it is decided nothing is missing and no time runs', () => {
  for (const state of Object.keys(STATE_TEXT) as (keyof typeof STATE_TEXT)[]) {
    if (state === 'pending') continue
    expect(statusModel({ ...summary, state }, 0)).toMatchObject({
      isPending: false,
      missing: 0,
      text: STATE_TEXT[state],
    })
    expect(statusModel({ ...summary, state }, 0)).not.toHaveProperty('timeLeft')
  }
})

test('status - expired is not called denied', () => {
  expect(STATE_TEXT.expired).toContain('no denial')
})

test('status - a reviewer’s name draws over nothing', () => {
  const reviews = [
    { name: 'B\u001b[2Job\nx', iss: 'i', sub: 'b\u202e', verdict: 'approve' as const, atMs: 5 },
  ]
  expect(statusModel({ ...summary, reviews }, 0).reviews).toEqual([
    'B\\u{1b}[2Job\\u{a}x (b\\u{202e}) approved',
  ])
})

test.each([
  [-5, 'no time left'],
  [0, 'no time left'],
  [1, '1 s left'],
  [59_001, '1 min left'],
  [61_000, '1 min 1 s left'],
  [3_600_000, '1 h left'],
  [3_601_000, '1 h left'],
  [90_000_000, '1 d 1 h left'],
])('status - %i ms are %s', (ms, words) => {
  expect(timeLeftText(ms)).toBe(words)
})

const approvalOf = (sub: string, ...groups: string[]) => ({
  ...{ name: sub, iss: 'i', sub, verdict: 'approve' as const, atMs: 1 },
  groups,
})
const PARTS = {
  ...{ threshold: 2, from: ['owners', 'oncall'] },
  all: [
    { from: ['owners'], threshold: 1 },
    { from: ['oncall'], threshold: 1 },
  ],
}

test.each([
  ['nobody has answered', [], '1 of owners, and 1 of oncall'],
  ['one part is reached', [approvalOf('bob', 'owners')], '1 of oncall'],
  ['two of the same part are one', [approvalOf('bob', 'owners'), approvalOf('eve', 'owners')], '1 of oncall'],
  ['who is in both may count for either', [approvalOf('bob', 'owners', 'oncall')], '1 of owners or oncall'],
  ['who is in both moves', [approvalOf('bob', 'owners', 'oncall'), approvalOf('eve', 'owners')], ''],
  ['the other way round', [approvalOf('eve', 'owners'), approvalOf('bob', 'owners', 'oncall')], ''],
  ['somebody of neither counts for none', [approvalOf('eve', 'sre')], '1 of owners, and 1 of oncall'],
  [
    'a denial counts for none',
    [{ ...approvalOf('bob', 'owners'), verdict: 'deny' as const }],
    '1 of owners, and 1 of oncall',
  ],
  [
    'what came late counts for none',
    [{ ...approvalOf('bob', 'owners'), late: true as const }],
    '1 of owners, and 1 of oncall',
  ],
])('status - of a threshold with parts, %s', (_, reviews, words) => {
  expect(missingText(missingParts({ ...PARTS, reviews }))).toBe(words)
})

test('status - three people for three parts are found a place each, whichever came first', () => {
  const all = ['a', 'b', 'c'].map((group) => ({ from: [group], threshold: 1 }))
  const people = [approvalOf('x', 'a', 'b'), approvalOf('y', 'a'), approvalOf('z', 'b', 'c')]
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
    [0, 2, 1],
  ]) {
    const reviews = order.flatMap((at) => people[at] ?? [])
    expect(missingParts({ threshold: 3, from: ['a', 'b', 'c'], all, reviews })).toEqual([])
  }
})

test('status - who has joined by escalation counts for any part', () => {
  const escalated = { ...PARTS, escalate: [{ afterMs: 60_000, to: ['leads'] }] }
  expect(missingText(missingParts({ ...escalated, reviews: [approvalOf('eve', 'leads')] }))).toBe(
    '1 of owners or oncall',
  )
})

test('status - who joins and when is counted down, and marked once they have', () => {
  const escalate = [
    { afterMs: 60_000, to: ['leads'] },
    { afterMs: 120_000, to: ['cto', 'vp'] },
  ]
  const at = (nowMs: number) => statusModel({ ...summary, escalate }, nowMs).escalation
  expect(at(0).map(({ text }) => text)).toEqual([
    'leads may answer as well in 1 min',
    'cto, vp may answer as well in 2 min',
  ])
  expect(at(59_999)).toMatchObject([{ isReached: false, atMs: 60_000 }, { isReached: false }])
  expect(at(60_000)).toMatchObject([
    { isReached: true, to: 'leads', text: 'leads may answer as well' },
    { isReached: false, text: 'cto, vp may answer as well in 1 min' },
  ])
  expect(statusModel({ ...summary, escalate, state: 'denied' }, 0).escalation).toEqual([])
})

test('status - where one denial does not end it, they are counted', () => {
  const denied = { ...approvalOf('eve'), verdict: 'deny' as const }
  expect(statusModel({ ...summary, denials: 2, reviews: [denied] }, 0).denials).toBe(
    '1 of the 2 denials that end it',
  )
  expect(statusModel(summary, 0)).not.toHaveProperty('denials')
  expect(statusModel({ ...summary, denials: 2, state: 'approved' }, 0)).not.toHaveProperty('denials')
})

test('status - a review that came after the decision is said to have no effect', () => {
  const late = { ...approvalOf('eve'), late: true as const }
  expect(statusModel({ ...summary, state: 'denied', reviews: [late] }, 0).reviews).toEqual([
    'eve (eve) approved, too late to count',
  ])
})
