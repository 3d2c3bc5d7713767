import { jetstream } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { digestBytes, encodeEntry, ledgerSubject, type ReviewEntry } from '#contract'
import { reviewerHash } from '../../src/broker/request/request-payload.ts'
import { claimOf, consumeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, EPOCH, type House, startHouse, type TestAgent } from '../support/house.ts'

let house: House
let agent: TestAgent
beforeEach(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
})
afterEach(() => house.stop())

test('broker - all that it knew, it knows again after a restart', async () => {
  const decided = await holdAction(agent)
  await reviewAs(house, 'bob', decided.requestId)
  const open = await holdAction(agent, attemptOf({ name: 'wire_money' }))
  await reviewAs(house, 'bob', open.requestId)
  await house.broker().stop()
  await house.startBroker()

  expect(await claimOf(agent, decided.requestId)).toMatchObject({ status: 'approved' })
  await consumeOf(agent, decided)
  expect(await claimOf(agent, open.requestId)).toEqual({ status: 'pending' })
  expect(await reviewAs(house, 'carol', open.requestId)).toMatchObject({ state: 'approved' })
  const again = await holdAction(agent, open.attempt)
  expect(again.requestId).toBe(open.requestId)
})

test('broker - one that dies between a review and its decision leaves a decision that is taken once', async () => {
  const { requestId, actionDigest } = await holdAction(agent)
  const { renderHash } = await house.desk.show(house.token('bob'), requestId)
  await house.broker().stop()
  const bob = { iss: 'https://development.holdpoint.invalid', sub: 'bob', name: 'Bob Berger' }
  const review: ReviewEntry = {
    type: 'review',
    at: house.clock.now(),
    requestId,
    actionDigest,
    reviewer: { ...bob, assurance: 'login', channel: 'cli', evidence: digestBytes('token') },
    verdict: 'approve',
    renderHash,
  }
  const js = jetstream(await house.connect('broker'))
  await js.publish(ledgerSubject.review(EPOCH, requestId, reviewerHash(bob)), encodeEntry(review))

  await Promise.all([house.startBroker(), house.startBroker(), house.startBroker()])
  const claimed = await eventually(
    () => claimOf(agent, requestId),
    ({ status }) => status !== 'pending',
  )
  expect(claimed.status).toBe('approved')
  const { summary } = await house.desk.show(house.token('bob'), requestId)
  expect(summary.state).toBe('approved')
})

test('broker - replicas decide once and spend once, whoever is asked', async () => {
  await house.startBroker()
  await house.startBroker()
  for (let round = 0; round < 10; round++) {
    const held = await holdAction(agent)
    const reviews = await Promise.allSettled([
      reviewAs(house, 'bob', held.requestId),
      reviewAs(house, 'carol', held.requestId, 'deny'),
    ])
    expect(reviews.some(({ status }) => status === 'fulfilled')).toBe(true)
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        eventually(
          () => claimOf(agent, held.requestId),
          ({ status }) => status !== 'pending',
        ),
      ),
    )
    expect(new Set(answers.map(({ status }) => status)).size).toBe(1)
    if (answers[0]?.status !== 'approved') continue
    const consumed = await Promise.allSettled(Array.from({ length: 20 }, () => consumeOf(agent, held)))
    expect(consumed.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  }
})
