import { expect, test } from 'vitest'
import { createQuotas } from '../../src/broker/state/quotas.ts'

const LIMITS = { pending: 3, perMinute: 5, denialsPerHour: 2 }
const NOTHING = { pending: 0, denialsAtMs: [] }
const HOUR_MS = 3_600_000

function counting() {
  let nowMs = 10_000_000
  const quotas = createQuotas({ now: () => nowMs })
  return {
    quotas,
    nowMs: () => nowMs,
    pass: (ms: number) => (nowMs += ms),
    /** One that is written at once. */
    take(
      known: { pending: number; denialsAtMs: number[] } = { ...NOTHING, denialsAtMs: [] },
      agentId = 'shop',
    ) {
      const quota = quotas.take(agentId, LIMITS, known)
      if (quota.ok) quota.settled()
      return quota
    },
  }
}

test('quota - in any minute there are at most so many, and it says when the next one is free', () => {
  const { take, pass } = counting()
  for (let nth = 0; nth < 5; nth++) {
    expect(take().ok).toBe(true)
    pass(1_000)
  }
  expect(take()).toEqual({
    ok: false,
    reason: "The agent's quota is used up: it made 5 requests within a minute, and policy allows 5.",
    retryAfterMs: 55_000,
  })
  pass(54_999)
  expect(take()).toMatchObject({ ok: false, retryAfterMs: 1 })
  pass(1)
  expect(take().ok).toBe(true)
  expect(take()).toMatchObject({ ok: false, retryAfterMs: 1_000 })
})

test('quota - what is refused does not count against it', () => {
  const { take, pass } = counting()
  for (let nth = 0; nth < 5; nth++) take()
  for (let nth = 0; nth < 50; nth++) expect(take().ok).toBe(false)
  pass(60_000)
  expect(take().ok).toBe(true)
})

test('quota - one agent’s is not the other’s', () => {
  const { take } = counting()
  for (let nth = 0; nth < 6; nth++) take()
  expect(take().ok).toBe(false)
  expect(take({ pending: 0, denialsAtMs: [] }, 'mail').ok).toBe(true)
})

test('quota - a clock that goes back neither gives nor locks for ever', () => {
  const { take, pass } = counting()
  for (let nth = 0; nth < 5; nth++) take()
  pass(-HOUR_MS)
  expect(take().ok).toBe(true)
})

test('quota - so many wait for people, and no more', () => {
  const { take } = counting()
  expect(take({ pending: 2, denialsAtMs: [] }).ok).toBe(true)
  expect(take({ pending: 3, denialsAtMs: [] })).toMatchObject({ ok: false, retryAfterMs: 10_000 })
})

test('quota - those that are being written count as waiting, until they are written', () => {
  const { quotas } = counting()
  const taken = [0, 1, 2].map(() => quotas.take('shop', LIMITS, NOTHING))
  expect(quotas.take('shop', LIMITS, NOTHING).ok).toBe(false)
  const [first] = taken
  if (!first?.ok) throw new Error('expected it to be taken')
  first.settled()
  first.settled()
  expect(quotas.take('shop', LIMITS, NOTHING).ok).toBe(true)
  expect(quotas.take('shop', LIMITS, NOTHING).ok).toBe(false)
})

test('quota - after so many denials in an hour it waits until one of them is an hour old', () => {
  const { take, nowMs, pass } = counting()
  const denialsAtMs = [nowMs() - 3_000_000, nowMs() - 2_000_000, nowMs() - 1_000]
  expect(take({ pending: 0, denialsAtMs: denialsAtMs.slice(0, 1) }).ok).toBe(true)
  expect(take({ pending: 0, denialsAtMs })).toMatchObject({ ok: false, retryAfterMs: 1_600_000 })
  pass(1_600_000)
  expect(take({ pending: 0, denialsAtMs: denialsAtMs.slice(2) }).ok).toBe(true)
})

test('quota - it is news once a minute, for each agent', () => {
  const { quotas, pass } = counting()
  expect([quotas.isNews('shop'), quotas.isNews('shop'), quotas.isNews('mail')]).toEqual([true, false, true])
  pass(59_999)
  expect(quotas.isNews('shop')).toBe(false)
  pass(1)
  expect(quotas.isNews('shop')).toBe(true)
})
