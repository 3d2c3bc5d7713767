import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { readPin } from '#broker'
import {
  type ChatReview,
  channelSubject,
  decodeEntry,
  digestBytes,
  encodeMessage,
  renderHash,
} from '#contract'
import { type ChannelDesk, createChannelDesk } from '#desk'
import { DEVELOPMENT_ISSUER, groupSpecifier, subjectSpecifier } from '#identity'
import { createTrust } from '#warrant'
import { claimOf, codeOf, type Held, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, EPOCH, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'

/** Bob and carol are in `chatters` by subject; everybody of the team is in `team` by a group of the provider. */
const CHAT = `${POLICY.replace(
  'groups:',
  `groups:
  chatters: [${subjectSpecifier(DEVELOPMENT_ISSUER, 'bob')}, ${subjectSpecifier(DEVELOPMENT_ISSUER, 'carol')}, ${subjectSpecifier(DEVELOPMENT_ISSUER, 'alice')}]
  team: [${groupSpecifier(DEVELOPMENT_ISSUER, 'sre')}]`,
)}  - { id: chat, match: { kind: tool, name: "chat_*" }, effect: hold, approvals: { from: [chatters], threshold: 1, assurance: chat } }
  - { id: chat-two, match: { kind: tool, name: "pair_*" }, effect: hold, approvals: { from: [chatters], threshold: 2, assurance: chat } }
  - { id: chat-team, match: { kind: tool, name: "team_*" }, effect: hold, approvals: { from: [team], threshold: 1, assurance: chat } }
  - { id: strict, match: { kind: tool, name: "strict_*" }, effect: hold, approvals: { from: [chatters], threshold: 1, assurance: login } }
`

const MINUTE = 60_000
let house: House
let agent: TestAgent
let channel: ChannelDesk
let nc: NatsConnection
let held: Held
beforeAll(async () => {
  house = await startHouse({ policy: CHAT })
  agent = await house.agent('support-agent')
  nc = await house.connect('channel')
  channel = createChannelDesk({ nc })
})
afterAll(() => house.stop())
beforeEach(async () => {
  held = await holdAction(agent, attemptOf({ name: 'chat_export' }))
})

const by = (sub: string) => ({ iss: DEVELOPMENT_ISSUER, sub, name: `${sub} in the chat` })
const click = digestBytes('a signed click')
async function reviewOf(sub: string, { requestId }: { requestId: string }, change: Partial<ChatReview> = {}) {
  const shown = await channel.show(requestId)
  return channel.review({
    requestId,
    verdict: 'approve',
    renderHash: shown.renderHash,
    channel: 'webhook:ops',
    reviewer: by(sub),
    evidence: click,
    ...change,
  })
}

test('channel - a card is shown without a token, and not whether anybody may answer', async () => {
  const shown = await channel.show(held.requestId)
  expect(renderHash(shown.card)).toBe(shown.renderHash)
  expect(shown.summary).toMatchObject({ requestId: held.requestId, state: 'pending', assurance: 'chat' })
  expect(shown.timeline).toMatchObject([{ what: 'pending' }])
  expect(shown).not.toHaveProperty('mayReview')
})

test('channel - where the rule says chat, a person listed by subject releases, and the ledger says how', async () => {
  const rendition = digestBytes('what the chat showed')
  expect(await reviewOf('bob', held, { rendition, reason: 'Go on' })).toEqual({
    state: 'approved',
    missing: 0,
  })
  const claimed = await claimOf(agent, held.requestId)
  const { keySet } = await house.desk.trust()
  const trust = createTrust({ pin: readPin(house.home) }, { now: house.clock.now })
  trust.adoptKeySet(keySet)
  const { requestId, actionDigest, attempt } = held
  const scope = {
    aud: 'in-process:support-agent',
    requestId,
    actionDigest,
    trace: attempt.action.trace,
  } as const
  const { hp } = trust.verifyWarrant(claimed.status === 'approved' ? claimed.warrant : '', scope)
  expect(hp.approvals).toMatchObject([{ sub: 'bob', assurance: 'chat', evidence: click, rendition }])
  const { timeline } = await channel.show(held.requestId)
  expect(timeline[1]).toMatchObject({
    what: 'approve',
    reason: 'Go on',
    people: [{ ...by('bob'), assurance: 'chat', channel: 'webhook:ops' }],
  })
  const { streams } = await jetstreamManager(await house.connect('admin'))
  for (const { index, type } of timeline.slice(1)) {
    const message = await streams.getMessage(`HP_LEDGER_${EPOCH}`, { seq: index + 1 })
    const entry = decodeEntry(message?.string() ?? '')
    const reviewer = entry.type === 'review' ? entry.reviewer : entry.type === 'decided' && entry.by[0]
    expect([type, reviewer]).toEqual([
      type,
      { ...by('bob'), assurance: 'chat', channel: 'webhook:ops', evidence: click, rendition },
    ])
  }
})

test('channel - a denial ends the request as any other', async () => {
  expect(await reviewOf('carol', held, { verdict: 'deny', reason: 'No' })).toMatchObject({ state: 'denied' })
  expect(await claimOf(agent, held.requestId)).toMatchObject({
    status: 'denied',
    reason: 'No',
    by: [{ sub: 'carol', assurance: 'chat' }],
  })
})

test.each([
  ['a rule that asks for a login, approved', 'strict_export', 'bob', 'approve', 'ASSURANCE_TOO_LOW'],
  ['a rule that asks for a login, denied', 'strict_export', 'bob', 'deny', 'ASSURANCE_TOO_LOW'],
  ['a member of a group of the provider', 'team_export', 'bob', 'approve', 'NOT_A_REVIEWER'],
  ['somebody in no group', 'chat_export', 'mallory', 'approve', 'NOT_A_REVIEWER'],
  ['the owner of the agent', 'chat_export', 'alice', 'approve', 'SELF_APPROVAL'],
  ['the owner of the agent, denying', 'chat_export', 'alice', 'deny', 'SELF_APPROVAL'],
] as const)('channel - %s: refused', async (_, name, sub, verdict, code) => {
  const request = await holdAction(agent, attemptOf({ name }))
  expect(await codeOf(reviewOf(sub, request, { verdict }))).toBe(code)
  expect(await claimOf(agent, request.requestId)).toEqual({ status: 'pending' })
})

test('channel - whom the agent acts for cannot release it in a chat either', async () => {
  const mine = await holdAction(
    agent,
    attemptOf({ name: 'chat_export' }, { onBehalfOf: [house.token('carol')] }),
  )
  expect(await codeOf(reviewOf('carol', mine))).toBe('SELF_APPROVAL')
})

test('channel - the same subject of another issuer is somebody else', async () => {
  const reviewer = { ...by('bob'), iss: 'https://slack.invalid' }
  expect(await codeOf(reviewOf('bob', held, { reviewer }))).toBe('NOT_A_REVIEWER')
})

test.each<[string, object]>([
  ['an assurance of its own', { assurance: 'passkey' }],
  ['groups of its own', { groups: ['oidc:x#group/sre'] }],
  ['a token beside it', { token: 'x' }],
  ['a reviewer with groups', { reviewer: { ...by('bob'), groups: ['x'] } }],
  ['a reviewer with an assurance', { reviewer: { ...by('bob'), assurance: 'login' } }],
  ['a reviewer without name', { reviewer: { iss: 'a', sub: 'b', name: '' } }],
  ['nobody', { reviewer: undefined }],
  ['no proof', { evidence: undefined }],
  ['a proof that is no digest', { evidence: 'click' }],
  ['a rendition that is no digest', { rendition: 'x' }],
  ['no channel', { channel: '' }],
  ['a verdict that there is not', { verdict: 'maybe' }],
])('channel - a review with %s is refused for its shape', async (_, change) => {
  expect(await codeOf(reviewOf('bob', held, change as never))).toBe('INVALID_INPUT')
  expect(await claimOf(agent, held.requestId)).toEqual({ status: 'pending' })
})

test('channel - a review of another card is refused', async () => {
  const other = await channel.show((await holdAction(agent)).requestId)
  expect(await codeOf(reviewOf('bob', held, { renderHash: other.renderHash }))).toBe('CARD_MISMATCH')
})

test('channel - a request that is over, or that there is not, cannot be reviewed', async () => {
  await reviewOf('bob', held)
  expect(await codeOf(reviewOf('carol', held))).toBe('ALREADY_DECIDED')
  expect(await codeOf(reviewOf('bob', { requestId: '1-nobody' }))).toBe('UNKNOWN_REQUEST')
  expect(await codeOf(channel.show('1-nobody'))).toBe('UNKNOWN_REQUEST')
})

test('channel - one person counts once, in the chat and with a token, in either order', async () => {
  const one = await holdAction(agent, attemptOf({ name: 'pair_export' }))
  expect(await reviewOf('bob', one)).toEqual({ state: 'pending', missing: 1 })
  expect(await codeOf(reviewAs(house, 'bob', one.requestId))).toBe('ALREADY_REVIEWED')
  expect(await codeOf(reviewOf('bob', one, { verdict: 'deny' }))).toBe('ALREADY_REVIEWED')
  const other = await holdAction(agent, attemptOf({ name: 'pair_export' }))
  await reviewAs(house, 'bob', other.requestId)
  expect(await codeOf(reviewOf('bob', other))).toBe('ALREADY_REVIEWED')
  expect(await reviewOf('carol', other)).toEqual({ state: 'approved', missing: 0 })
})

test('channel - replicas take two reviews of one person once', async () => {
  await house.startBroker()
  await house.startBroker()
  for (let round = 0; round < 8; round++) {
    const { requestId } = await holdAction(agent, attemptOf({ name: 'pair_export' }))
    const both = await Promise.allSettled([reviewOf('bob', { requestId }), reviewAs(house, 'bob', requestId)])
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const { summary } = await channel.show(requestId)
    expect(summary).toMatchObject({ state: 'pending', reviews: [{ sub: 'bob' }] })
  }
})

test('channel - a call that wants its answer elsewhere gets none', async () => {
  const elsewhere = await house.connect('desk')
  const subscription = elsewhere.subscribe('_INBOX.desk.stolen', { max: 1 })
  await elsewhere.flush()
  nc.publish(channelSubject('show'), encodeMessage({ requestId: held.requestId }), {
    reply: '_INBOX.desk.stolen',
  })
  // The answer to another call of the same connection comes after where that one would have been.
  await channel.show(held.requestId)
  await elsewhere.flush()
  expect(subscription.getReceived()).toBe(0)
  expect(house.lines.some((line) => line.includes('does not ask for a reply in its own inbox'))).toBe(true)
})

test('channel - what has expired cannot be released in a chat', async () => {
  house.clock.advance(15 * MINUTE)
  expect(['APPROVAL_EXPIRED', 'ALREADY_DECIDED']).toContain(await codeOf(reviewOf('bob', held)))
})
