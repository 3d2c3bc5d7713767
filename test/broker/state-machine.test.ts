import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isOfRequest, type RequestEntry } from '#contract'
import { stateOf } from '../../src/broker/state/requests.ts'
import { type Played, play, requestsOf } from './model/play.ts'
import { AGENTS, faults, lanes } from './model/steps.ts'
import { createStream } from './model/stream.ts'

type Entry<T extends RequestEntry['type']> = Extract<RequestEntry, { type: T }> & { index: number }

/** All that the ledger says of one request, in its order. */
function history({ stream }: Played, requestId: string) {
  const entries = stream.leaves.flatMap(({ entry, position }) =>
    isOfRequest(entry) && entry.requestId === requestId ? [{ ...entry, index: position.index }] : [],
  )
  const all = <T extends RequestEntry['type']>(type: T) =>
    entries.filter((entry) => entry.type === type) as Entry<T>[]
  return {
    reviews: all('review'),
    requested: all('requested'),
    decided: all('decided'),
    spent: all('spent'),
    outcome: all('outcome'),
  }
}

const RULES = {
  one: { threshold: 1, denials: 1 },
  two: { threshold: 2, denials: 1 },
  parts: { threshold: 2, denials: 1 },
  stubborn: { threshold: 1, denials: 2 },
}

/** Written apart from the code that it checks: what every history of a request has to be. */
function expectLawful(played: Played, requestId: string): void {
  const { requested, reviews, decided, spent, outcome } = history(played, requestId)
  const [opened] = requested
  const [decision] = decided
  const [use] = spent
  if (!opened) throw new Error('a history without its beginning')
  expect([requested.length, decided.length]).toEqual([1, 1])
  expect(spent.length).toBe(decision?.decision === 'approved' ? 1 : 0)
  expect(outcome.length).toBe(use?.spend === 'consumed' ? 1 : 0)
  const order = [opened, decision, use, outcome[0]].flatMap((entry) => (entry ? [entry.index] : []))
  expect(order).toEqual(order.toSorted((one, other) => one - other))

  for (const { reviewer } of reviews) expect(['olga', 'bot']).not.toContain(reviewer.sub)
  expect(new Set(reviews.map(({ reviewer }) => reviewer.sub)).size).toBe(reviews.length)

  const { threshold, denials } = RULES[opened.name as keyof typeof RULES]
  const before = reviews.filter(({ index }) => index < (decision?.index ?? 0))
  const approvers = before.filter(({ verdict }) => verdict === 'approve').map(({ reviewer }) => reviewer.sub)
  const deniers = before.filter(({ verdict }) => verdict === 'deny').map(({ reviewer }) => reviewer.sub)
  const by = decision?.by.map(({ sub }) => sub) ?? []
  if (decision?.decision === 'approved') {
    expect(by).toHaveLength(threshold)
    expect(new Set(by).size).toBe(by.length)
    for (const sub of by) expect(approvers).toContain(sub)
    if (opened.name === 'one') expect(by).not.toContain('carol')
    if (opened.name === 'parts') {
      expect(by.some((sub) => sub === 'alice' || sub === 'bob')).toBe(true)
      expect(by.some((sub) => sub === 'carol' || sub === 'bob')).toBe(true)
    }
    // A broker that died may have left the decision for later; what was given in time counts.
    for (const { at, reviewer } of before)
      if (by.includes(reviewer.sub)) expect(at).toBeLessThan(opened.expiresAt)
  }
  if (decision?.decision === 'denied') {
    expect(by).toHaveLength(denials)
    for (const sub of by) expect(deniers).toContain(sub)
  }
  if (decision?.decision === 'expired') expect(decision.at).toBeGreaterThanOrEqual(opened.expiresAt)
  if (use?.spend === 'consumed' && decision)
    expect(use.at).toBeLessThanOrEqual(decision.at + opened.validForMs)
}

describe('state machine', () => {
  test('state machine - whatever happens, in whatever order, every arrow is taken once and by right', async () => {
    await fc.assert(property(), { numRuns: Number(process.env.HOLDPOINT_PROPERTY_RUNS ?? 500) })
  })

  test('state machine - a ledger that takes a fact twice does not pass', async () => {
    const { failed } = await fc.check(property({ once: false }), { numRuns: 1000, endOnFailure: true })
    expect(failed).toBe(true)
  })
})

const property = (promise = { once: true }) =>
  fc.asyncProperty(fc.scheduler(), lanes, faults, async (scheduler, given, faulty) => {
    const played = await play(scheduler, given, faulty[Symbol.iterator](), createStream(promise))
    expect(played.broken).toEqual([])
    for (const { requestId } of requestsOf(played.stream)) expectLawful(played, requestId)
    expectLawfulFreezes(played)
    expectTrueAnswers(played)
    expectAgreement(played)
  })

/** One change after the other, and what one person froze, another one thaws, who does not own it. */
function expectLawfulFreezes({ stream: { leaves } }: Played): void {
  const changes = leaves.flatMap(({ entry }) => (entry.type === 'freeze' ? [entry] : []))
  for (const agent of AGENTS) {
    const own = changes.filter((change) => change.agent === agent)
    expect(own.map(({ turn }) => turn)).toEqual(own.map((_, index) => index + 1))
    expect(own.map(({ frozen }) => frozen)).toEqual(own.map((_, index) => index % 2 === 0))
    for (const [index, { frozen, by }] of own.entries())
      if (!frozen) expect([own[index - 1]?.by.sub, 'olga', 'bot']).not.toContain(by.sub)
  }
}

/** Nobody was told of an approval that the ledger does not have, and each was used by one caller. */
function expectTrueAnswers(played: Played): void {
  for (const answer of played.told) {
    const { decided, spent } = history(played, answer.requestId)
    if (answer.call === 'claim' && answer.status === 'approved') expect(decided[0]?.decision).toBe('approved')
    if (answer.call === 'consume') expect(spent[0]).toMatchObject({ spend: 'consumed', nonce: answer.nonce })
  }
}

/** Whoever has read the whole ledger knows the same. */
function expectAgreement({ stream, replicas }: Played): void {
  for (const { requestId } of requestsOf(stream)) {
    const states = replicas.map(({ context }) => {
      const request = context.requests.get(requestId)
      return request && stateOf(request)
    })
    expect(new Set(states).size).toBe(1)
  }
}
