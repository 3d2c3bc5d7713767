import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PAYLOAD_KEY_STREAM, payloadKeySubject, type TimelineEntry } from '#contract'
import { leafHash } from '#ledger'
import { codeOf, consumeOf, eventually, holdAction, newNonce, reviewAs } from '../support/held.ts'
import { attemptOf, EPOCH, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { replacePolicyKey } from '../support/policy-key.ts'
import { tokenOf } from '../support/token.ts'

const MINUTE = 60_000
const STRONG = `${POLICY}  - { id: strong, match: { kind: tool, name: "strong_*" }, effect: hold, approvals: { from: [sre], threshold: 1, assurance: passkey } }\n`

let house: House
let agent: TestAgent
beforeAll(async () => {
  house = await startHouse({ policy: STRONG })
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

const shown = (requestId: string, person: 'alice' | 'bob' | 'carol' = 'bob') =>
  house.desk.show(house.token(person), requestId)
const words = (timeline: TimelineEntry[]): string[] => timeline.map(({ type, what }) => `${type} ${what}`)

test('show - the timeline has every arrow, who took it, in which words, and where the ledger has it', async () => {
  const held = await holdAction(agent, attemptOf({ name: 'wire_money' }))
  await reviewAs(house, 'bob', held.requestId, 'approve', 'Amount checked')
  await reviewAs(house, 'carol', held.requestId, 'approve')
  const nonce = newNonce()
  await consumeOf(agent, held, nonce)
  const { requestId } = held
  await agent.call('outcome', { requestId, nonce, outcome: 'failed', errorType: 'TimeoutError' })

  const { timeline } = await shown(requestId)
  expect(words(timeline)).toEqual([
    'requested pending',
    'review approve',
    'review approve',
    'decided approved',
    'spent consumed',
    'outcome failed',
  ])
  const by = { assurance: 'login', channel: 'cli' }
  expect(timeline.map(({ people }) => people)).toMatchObject([
    [],
    [{ sub: 'bob', name: 'Bob Berger', ...by }],
    [{ sub: 'carol', ...by }],
    [
      { sub: 'bob', ...by },
      { sub: 'carol', ...by },
    ],
    [],
    [],
  ])
  expect(timeline.map(({ reason }) => reason)).toEqual([
    undefined,
    'Amount checked',
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  expect(timeline.at(-1)).toMatchObject({ errorType: 'TimeoutError' })
  // Tokens and their digests stay where they are.
  expect(JSON.stringify(timeline)).not.toMatch(/evidence|sha-256/)

  const { streams } = await jetstreamManager(await house.connect('admin'))
  for (const { index, leaf, atMs } of timeline) {
    const message = await streams.getMessage(`HP_LEDGER_${EPOCH}`, { seq: index + 1 })
    expect(Buffer.from(leafHash(message?.string() ?? '')).toString('base64')).toBe(leaf)
    expect(JSON.parse(message?.string() ?? '').predicate.at).toBe(atMs)
  }
})

test('show - a denial says why, with the review and with the decision; after a restart too', async () => {
  const { requestId } = await holdAction(agent)
  await reviewAs(house, 'bob', requestId, 'deny', 'Use the masked export')
  const before = await shown(requestId)
  expect(before.timeline).toMatchObject([
    { what: 'pending' },
    { what: 'deny', reason: 'Use the masked export' },
    { what: 'denied', reason: 'Use the masked export', people: [{ sub: 'bob' }] },
  ])
  await house.broker().stop()
  await house.startBroker()
  expect(await shown(requestId)).toEqual(before)
})

test('show - an erased payload shows nothing of the card, and says so', async () => {
  const { requestId } = await holdAction(agent)
  await reviewAs(house, 'bob', requestId, 'deny', 'secret words')
  const { streams } = await jetstreamManager(await house.connect('broker'), { checkAPI: false })
  const key = await streams.getMessage(PAYLOAD_KEY_STREAM, { last_by_subj: payloadKeySubject(requestId) })
  await streams.deleteMessage(PAYLOAD_KEY_STREAM, key?.seq ?? 0)
  expect(await codeOf(shown(requestId))).toBe('ERASED')
  const { requests } = await house.desk.list(house.token('bob'), { state: 'all', text: requestId })
  expect(requests).toMatchObject([{ requestId, state: 'denied' }])
})

test('show - whoever asks is told whether they could answer, as a review of theirs would be', async () => {
  const may = async (requestId: string, person: 'alice' | 'bob' | 'carol') => {
    const { mayReview } = await shown(requestId, person)
    const told = mayReview.ok ? 'OK' : mayReview.code
    if (told !== 'OK') {
      expect(mayReview).toHaveProperty('reason', expect.stringMatching(/./))
      expect(await codeOf(reviewAs(house, person, requestId))).toBe(told)
    }
    return told
  }
  const two = await holdAction(agent, attemptOf({ name: 'wire_money' }))
  expect(await may(two.requestId, 'alice')).toBe('SELF_APPROVAL')
  expect(await may(two.requestId, 'bob')).toBe('OK')
  await reviewAs(house, 'bob', two.requestId)
  expect(await may(two.requestId, 'bob')).toBe('ALREADY_REVIEWED')
  expect(await may(two.requestId, 'carol')).toBe('OK')
  await reviewAs(house, 'carol', two.requestId)
  expect(await may(two.requestId, 'carol')).toBe('ALREADY_DECIDED')
  expect(await may(two.requestId, 'alice')).toBe('ALREADY_DECIDED')
  const oncall = await holdAction(agent, attemptOf({ name: 'page_oncall' }))
  expect(await may(oncall.requestId, 'bob')).toBe('NOT_A_REVIEWER')
})

test('show - a service account is shown the card, and can neither answer nor cancel', async () => {
  const { requestId } = await holdAction(agent)
  const token = await tokenOf(house.home, { sub: 'bot', client_id: 'bot', groups: ['sre'] })
  const { mayReview, renderHash } = await house.desk.show(token, requestId)
  expect(mayReview).toMatchObject({ ok: false, code: 'NOT_A_REVIEWER' })
  const review = { requestId, verdict: 'deny', renderHash, channel: 'api', token } as const
  expect(await codeOf(house.desk.review(review))).toBe('NOT_A_REVIEWER')
  expect(await codeOf(house.desk.cancel({ requestId, channel: 'cli', token }))).toBe('NOT_THE_REQUESTER')
  expect((await house.desk.list(token, { reviewable: true })).total).toBe(0)
})

test('show - a rule that asks for more than a login says so before anybody tries', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'strong_export' }))
  expect((await shown(requestId)).mayReview).toMatchObject({ ok: false, code: 'ASSURANCE_TOO_LOW' })
})

test('show - a request whose time has passed is over for whoever asks, whether or not it was written down', async () => {
  const { requestId } = await holdAction(agent)
  house.clock.advance(15 * MINUTE)
  const { mayReview } = await shown(requestId)
  // Which of the two depends on whether a sweep was quicker than this question.
  expect(['APPROVAL_EXPIRED', 'ALREADY_DECIDED']).toContain(mayReview.ok ? 'OK' : mayReview.code)
  expect((await house.desk.list(house.token('bob'), { reviewable: true })).total).toBe(0)
})

// The last one: nothing rules in this house afterwards.
test('show - without a policy in force the card can be read, and nobody can answer', async () => {
  const { requestId } = await holdAction(agent)
  await replacePolicyKey(house)
  const token = house.token('bob')
  const { mayReview, card } = await eventually(
    () => shown(requestId),
    (one) => !one.mayReview.ok,
  )
  expect(card.action.name).toBe('export_customers')
  expect(mayReview).toMatchObject({ ok: false, code: 'POLICY_UNAVAILABLE', reason: expect.any(String) })
  expect(await codeOf(reviewAs(house, 'bob', requestId))).toBe('POLICY_UNAVAILABLE')
  for (const call of [house.desk.policy(token), house.desk.explain(token, { requestId })])
    expect(await codeOf(call)).toBe('POLICY_UNAVAILABLE')
  expect(await codeOf(house.desk.list(token, { reviewable: true }))).toBe('POLICY_UNAVAILABLE')
  expect((await house.desk.list(token)).total).toBeGreaterThan(0)
  expect((await house.desk.agents(token)).agents).toContainEqual(
    expect.objectContaining({ agentId: agent.id }),
  )
})
