import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readPin } from '#broker'
import type { ClaimReply, ConsumeReply, RequestReply } from '#contract'
import { createTrust } from '#warrant'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'

let house: House
let agent: TestAgent

beforeAll(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

test('broker - a held action is released by a second person, consumed once and concluded', async () => {
  const hello = await agent.call<{ keySet: string }>('hello', { process: agent.process })
  const attempt = attemptOf()
  const held = await agent.call<RequestReply>('request', { process: agent.process, attempt })
  if (held.status !== 'held') throw new Error(`expected held, got ${held.status}`)
  expect(await agent.call<ClaimReply>('claim', { requestId: held.requestId })).toEqual({ status: 'pending' })

  const {
    requests: [listed],
  } = await house.desk.list(house.token('bob'))
  expect(listed).toMatchObject({
    requestId: held.requestId,
    state: 'pending',
    agent: 'support-agent',
    name: 'export_customers',
  })
  const { card, renderHash } = await house.desk.show(house.token('bob'), held.requestId)
  expect(card.action.arguments).toMatchObject({ format: 'csv', rows: 1200 })
  const review = await house.desk.review({
    requestId: held.requestId,
    verdict: 'approve',
    renderHash,
    channel: 'cli',
    token: house.token('bob'),
  })
  expect(review).toEqual({ state: 'approved', missing: 0 })

  const claimed = await agent.call<ClaimReply>('claim', { requestId: held.requestId })
  if (claimed.status !== 'approved') throw new Error(`expected approved, got ${claimed.status}`)
  const trust = createTrust({ pin: readPin(house.home) }, { now: house.clock.now })
  trust.adoptKeySet(hello.keySet)
  const aud = 'in-process:support-agent'
  const { requestId, actionDigest } = held
  const { trace } = attempt.action
  const claims = trust.verifyWarrant(claimed.warrant, { aud, requestId, actionDigest, trace })
  expect(claims.hp.approvals).toMatchObject([
    { sub: 'bob', name: 'Bob Berger', channel: 'cli', assurance: 'login' },
  ])

  const nonce = randomBytes(16).toString('base64url')
  const { consumed } = await agent.call<ConsumeReply>('consume', { requestId, actionDigest, nonce, trace })
  trust.verifyConsumed(consumed, { aud, requestId, nonce, actionDigest })
  expect(await agent.call('outcome', { requestId, nonce, outcome: 'executed' })).toEqual({})
  const { summary } = await house.desk.show(house.token('bob'), requestId)
  expect(summary.state).toBe('executed')
})
