import { afterAll, beforeAll, expect, test } from 'vitest'
import { actionDigest, type ChatReview, digestBytes, digestJson, REDACTED, renderHash } from '#contract'
import { type ChannelDesk, createChannelDesk } from '#desk'
import { DEVELOPMENT_ISSUER, subjectSpecifier } from '#identity'
import { codeOf, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'

const SECRET = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`
const CHAT = `${POLICY.replace(
  'groups:',
  `groups:\n  chatters: [${subjectSpecifier(DEVELOPMENT_ISSUER, 'bob')}, ${subjectSpecifier(DEVELOPMENT_ISSUER, 'carol')}]`,
)}
  - { id: chat, match: { kind: tool, name: "chat_*" }, effect: hold, approvals: { from: [chatters], assurance: chat } }
  - id: known
    match: { kind: tool, name: "known_*" }
    effect: hold
    approvals: { from: [chatters], assurance: chat }
    redact: [/arguments/token]
`
let house: House
let agent: TestAgent
let channel: ChannelDesk
beforeAll(async () => {
  house = await startHouse({ policy: CHAT })
  agent = await house.agent('support-agent')
  channel = createChannelDesk({ nc: await house.connect('channel') })
})
afterAll(() => house.stop())

const cardOf = async (requestId: string) => (await house.desk.show(house.token('bob'), requestId)).card
async function inChat(requestId: string, verdict: ChatReview['verdict']) {
  const { renderHash: hash } = await channel.show(requestId)
  return channel.review({
    requestId,
    verdict,
    renderHash: hash,
    channel: 'webhook:ops',
    reviewer: { iss: DEVELOPMENT_ISSUER, sub: 'bob', name: 'bob' },
    evidence: digestBytes('a signed click'),
  })
}

test('card - a secret that nobody named is kept back, with its place, its length and a salted digest', async () => {
  const args = { note: `use ${SECRET}`, password: 'hunter2' }
  const held = await holdAction(agent, attemptOf({ name: 'chat_export', arguments: args }))
  const card = await cardOf(held.requestId)
  expect(card.action.arguments).toEqual({ note: `use ${REDACTED}`, password: REDACTED })
  const redaction = (path: string, value: string) => ({
    path,
    length: value.length,
    digest: digestJson({ salt: held.salt, path, value }),
    by: 'detection',
  })
  expect(card.redacted).toEqual([
    redaction('/arguments/note', SECRET),
    redaction('/arguments/password', 'hunter2'),
  ])
  // What is approved is the action as it will run, secret and all.
  const { summary } = await house.desk.show(house.token('bob'), held.requestId)
  expect(summary.state).toBe('pending')
  const requester = { ...card, promptedBy: undefined } as never
  expect(actionDigest(held.attempt.action, requester, held.salt)).toBe(card.actionDigest)
})

test('card - the agent’s own words and facts are copied into chats as well', async () => {
  const { requestId } = await holdAction(
    agent,
    attemptOf(
      { name: 'chat_export' },
      {
        statement: `I have ${SECRET} from the user.`,
        facts: [
          { name: 'rows', value: 3, source: 'agent' },
          { name: 'api_key', value: 'abc', source: 'agent' },
        ],
      },
    ),
  )
  const card = await cardOf(requestId)
  expect(card.statement).toBe(`I have ${REDACTED} from the user.`)
  expect(card.facts).toContainEqual({ name: 'api_key', value: REDACTED, source: 'agent' })
  expect(card.facts).toContainEqual({ name: 'rows', value: 3, source: 'agent' })
  expect(card.redacted.map(({ path, by }) => [path, by])).toEqual([
    [expect.stringMatching(/^\/facts\/\d+\/value$/), 'detection'],
    ['/statement', 'detection'],
  ])
})

test('card - where policy names the value it is policy that keeps it back', async () => {
  const args = { token: SECRET, rows: 3 }
  const { requestId } = await holdAction(agent, attemptOf({ name: 'known_export', arguments: args }))
  const card = await cardOf(requestId)
  expect(card.redacted).toMatchObject([{ path: '/arguments/token', by: 'policy', length: SECRET.length }])
  expect(await inChat(requestId, 'approve')).toMatchObject({ state: 'approved' })
})

test('card - in a chat nobody approves what only detection keeps back, and anybody may deny it', async () => {
  const attempt = (rows: number) => attemptOf({ name: 'chat_export', arguments: { note: SECRET, rows } })
  const one = await holdAction(agent, attempt(1))
  expect(await codeOf(inChat(one.requestId, 'approve'))).toBe('OPEN_FULL_PAGE')
  expect((await house.desk.show(house.token('bob'), one.requestId)).timeline).toHaveLength(1)
  expect(await inChat(one.requestId, 'deny')).toMatchObject({ state: 'denied' })
  const other = await holdAction(agent, attempt(2))
  expect(await codeOf(inChat(other.requestId, 'approve'))).toBe('OPEN_FULL_PAGE')
  // On the full page, signed in, it is.
  expect(await reviewAs(house, 'bob', other.requestId)).toMatchObject({ state: 'approved' })
})

test('card - one policy redaction does not make up for what detection found beside it', async () => {
  const args = { token: SECRET, note: `and ${SECRET}` }
  const { requestId } = await holdAction(agent, attemptOf({ name: 'known_export', arguments: args }))
  expect((await cardOf(requestId)).redacted.map(({ by }) => by)).toEqual(['policy', 'detection'])
  expect(await codeOf(inChat(requestId, 'approve'))).toBe('OPEN_FULL_PAGE')
})

test('card - two cards of the same action have different hashes, each with a nonce of its own', async () => {
  const action = attemptOf({ name: 'chat_export', arguments: { rows: 1 } }).action
  const [one, other] = await Promise.all([
    holdAction(agent, { attempt: 'attempt-1', action }),
    holdAction(agent, { attempt: 'attempt-2', action }),
  ])
  const [first, second] = await Promise.all([cardOf(one.requestId), cardOf(other.requestId)])
  expect(first.nonce).toMatch(/^[0-9a-f]{32}$/)
  expect(second.nonce).not.toBe(first.nonce)
  expect(JSON.stringify(first)).not.toContain(one.salt)
  expect(renderHash(first)).toBe((await house.desk.show(house.token('bob'), one.requestId)).renderHash)
})
