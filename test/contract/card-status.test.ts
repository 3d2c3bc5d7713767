import { expect, test } from 'vitest'
import { type RequestSummary, STATE_TEXT, statusModel, timeLeftText } from '#contract'

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
