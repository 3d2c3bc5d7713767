import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestBytes, HoldpointError, type ReviewReply } from '#contract'
import { DEVELOPMENT_ISSUER } from '#identity'
import { claimOf, eventually } from '../support/held.ts'
import { type Answering, type More, REVIEWER, startAnswering } from './answering.ts'
import { endpointOf, OTHER_SECRET, type Scene, SECRET } from './scene.ts'

let scene: Scene
let send: Answering['send']
let pending: Answering['pending']
let stateOf: Answering['stateOf']
let stop: Answering['stop']
beforeAll(async () => {
  ;({ scene, send, pending, stateOf, stop } = await startAnswering())
})
afterAll(() => stop?.())

test('webhook answer - a signed one is a review at assurance chat, with the digest of what was signed', async () => {
  const { requestId, body } = await pending()
  expect(await send(body, { id: 'click' })).toMatchObject({
    status: 201,
    body: { state: 'approved', missing: 0 },
  })
  const { timeline } = await scene.channelDesk.show(requestId)
  expect(timeline.find(({ type }) => type === 'review')?.people).toEqual([
    { ...REVIEWER, assurance: 'chat', channel: 'webhook:hook' },
  ])
  expect(await claimOf(scene.agent, requestId)).toMatchObject({
    status: 'approved',
    warrant: expect.any(String),
  })
})

test('webhook answer - the evidence is the digest of id, time and body', async () => {
  const evidences: string[] = []
  const channelDesk = {
    ...scene.channelDesk,
    review: async ({ evidence }: { evidence: string }) => {
      evidences.push(evidence)
      return { state: 'pending' as const, missing: 1 }
    },
  }
  const served = await scene.serve(
    { endpoints: [endpointOf({ name: 'hook', answers: true })] },
    { channelDesk },
  )
  const to = served.server.url()
  const at = Math.floor(scene.house.clock.now() / 1000)
  const { body } = await pending()
  await send(body, {
    to,
    id: 'evident',
    headers: {
      'webhook-timestamp': String(at),
      'webhook-signature': new Webhook(SECRET).sign('evident', new Date(at * 1000), body),
    },
  })
  await served.stop()
  expect(evidences).toEqual([digestBytes(`evident.${at}.${body}`)])
})

test('webhook answer - a denial brings its reason to the agent', async () => {
  const { requestId, body } = await pending('restart_worker', {
    verdict: 'deny',
    reason: 'wait for the batch',
  })
  expect((await send(body)).body).toEqual({ state: 'denied', missing: 0 })
  expect(await claimOf(scene.agent, requestId)).toMatchObject({
    status: 'denied',
    by: [{ sub: 'U7', channel: 'webhook:hook', assurance: 'chat' }],
    reason: 'wait for the batch',
  })
})

test('webhook answer - a person’s token makes it that person’s own review, at their own assurance', async () => {
  const { house } = scene
  const { requestId, body } = await pending('export_customers', {
    token: house.token('bob'),
    reviewer: undefined,
  })
  expect(await send(body)).toMatchObject({ status: 201, body: { state: 'approved' } })
  const { timeline } = await scene.channelDesk.show(requestId)
  expect(timeline.find(({ type }) => type === 'review')?.people).toMatchObject([
    { iss: DEVELOPMENT_ISSUER, sub: 'bob', assurance: 'login', channel: 'webhook:hook' },
  ])
})

test('webhook answer - the same message again is answered the same, and is no second review', async () => {
  const { requestId, body } = await pending()
  const first = await send(body, { id: 'twice' })
  const second = await send(body, { id: 'twice', at: 7 })
  expect(second).toMatchObject({ status: 201, body: first.body })
  const { timeline } = await scene.channelDesk.show(requestId)
  expect(timeline.filter(({ type }) => type === 'review')).toHaveLength(1)
})

test('webhook answer - the same message twice at once is one review', async () => {
  const { body } = await pending()
  const both = await Promise.all([send(body, { id: 'at-once' }), send(body, { id: 'at-once' })])
  expect(both.map(({ status }) => status)).toEqual([201, 201])
})

test('webhook answer - another message under an id that was used is refused', async () => {
  const { body } = await pending()
  await send(body, { id: 'used' })
  const other = await pending()
  expect(await send(other.body, { id: 'used' })).toMatchObject({
    status: 400,
    body: { code: 'INVALID_INPUT' },
  })
  expect(await stateOf(other.requestId)).toBe('pending')
})

test('webhook answer - one endpoint’s ids are not another’s', async () => {
  const { body } = await pending()
  await send(body, { id: 'mine' })
  const other = await pending()
  expect(await send(other.body, { id: 'mine', name: 'other', secret: OTHER_SECRET })).toMatchObject({
    status: 201,
  })
})

const bob = () => ({ token: scene.house.token('bob'), reviewer: undefined })
test.each<[string, string, number, () => More]>([
  ['reviewer and token', 'INVALID_INPUT', 400, () => ({ token: scene.house.token('bob') })],
  ['neither reviewer nor token', 'INVALID_INPUT', 400, () => ({ reviewer: undefined })],
  ['a verdict that is none', 'INVALID_INPUT', 400, () => ({ verdict: 'maybe' as 'approve' })],
  ['a member that nobody knows', 'INVALID_INPUT', 400, () => ({ assurance: 'passkey' }) as object],
  ['a channel of its own choosing', 'INVALID_INPUT', 400, () => ({ channel: 'console' }) as object],
  ['another renderHash', 'CARD_MISMATCH', 409, () => ({ renderHash: digestBytes('another card') })],
  ['a request that there is not', 'UNKNOWN_REQUEST', 404, () => ({ requestId: '1-nothing' })],
  ['somebody whom no rule names', 'NOT_A_REVIEWER', 403, () => ({ reviewer: { ...REVIEWER, sub: 'U8' } })],
  [
    'the same name at another issuer',
    'NOT_A_REVIEWER',
    403,
    () => ({ reviewer: { ...REVIEWER, iss: 'https://evil.example' } }),
  ],
  [
    'the owner’s own token',
    'SELF_APPROVAL',
    403,
    () => ({ token: scene.house.token('alice'), reviewer: undefined }),
  ],
  ['a token that is none', 'UNAUTHENTICATED', 401, () => ({ token: 'nonsense', reviewer: undefined })],
  [
    'a token that was tampered with',
    'UNAUTHENTICATED',
    401,
    () => ({ ...bob(), token: `${scene.house.token('bob').slice(0, -8)}AAAAAAAA` }),
  ],
])('webhook answer - %s: %s', async (_, code, status, more) => {
  const { requestId, body } = await pending('restart_worker', more())
  const refused = await send(body)
  expect(refused).toMatchObject({ status, body: { code, status } })
  expect(JSON.stringify(refused.body)).not.toContain('AAAAAAAA')
  expect(await stateOf(requestId)).toBe('pending')
})

test('webhook answer - the word of a channel is too little where a rule asks for a sign-in', async () => {
  const { requestId, body } = await pending('rotate_key')
  expect(await send(body)).toMatchObject({ status: 403, body: { code: 'ASSURANCE_TOO_LOW' } })
  expect(await stateOf(requestId)).toBe('pending')
})

test('webhook answer - a channel cannot say what groups somebody is in', async () => {
  const { requestId, body } = await pending('export_customers', {
    reviewer: { iss: DEVELOPMENT_ISSUER, sub: 'bob', name: 'Bob' },
  })
  expect(await send(body)).toMatchObject({ status: 403, body: { code: 'NOT_A_REVIEWER' } })
  expect(await stateOf(requestId)).toBe('pending')
})

test('webhook answer - what has been decided stays decided', async () => {
  const { requestId, answer, body } = await pending()
  await send(body)
  const late = JSON.stringify({
    ...answer,
    verdict: 'deny',
    reviewer: { ...REVIEWER, iss: DEVELOPMENT_ISSUER, sub: 'bob' },
  })
  expect(await send(late)).toMatchObject({ status: 409, body: { code: 'ALREADY_DECIDED' } })
  expect(await stateOf(requestId)).toBe('approved')
})

test('webhook answer - what the broker could not take now is asked again', async () => {
  let calls = 0
  const channelDesk = {
    ...scene.channelDesk,
    review: async (review: Parameters<typeof scene.channelDesk.review>[0]) => {
      if (++calls === 1) throw new HoldpointError('BROKER_UNAVAILABLE', 'the broker does not answer')
      return scene.channelDesk.review(review)
    },
  }
  const served = await scene.serve({ endpoints: [endpointOf({ answers: true })] }, { channelDesk })
  const to = served.server.url()
  const { body } = await pending()
  expect(await send(body, { id: 'again', to })).toMatchObject({
    status: 503,
    body: { code: 'BROKER_UNAVAILABLE' },
  })
  expect(await send(body, { id: 'again', to })).toMatchObject({ status: 201 })
  await served.stop()
})

test('webhook answer - one endpoint’s many answers at once are bounded, and keep no other waiting', async () => {
  const release: (() => void)[] = []
  const channelDesk = {
    ...scene.channelDesk,
    review: () =>
      new Promise<ReviewReply>((resolve) => {
        release.push(() => resolve({ state: 'pending', missing: 1 }))
      }),
  }
  const endpoints = [
    endpointOf({ answers: true }),
    endpointOf({ name: 'other', secret: OTHER_SECRET, answers: true }),
  ]
  const served = await scene.serve({ endpoints }, { channelDesk })
  const to = served.server.url()
  const { body } = await pending()
  const sent = Array.from({ length: 32 }, () => send(body, { to }))
  await eventually(
    async () => release.length,
    (count) => count === 32,
  )
  const refused = await send(body, { to })
  expect(refused).toMatchObject({ status: 429, body: { code: 'TOO_MANY' } })
  expect(refused.headers.get('retry-after')).toBe('1')
  const other = send(body, { to, name: 'other', secret: OTHER_SECRET })
  await eventually(
    async () => release.length,
    (count) => count === 33,
  )
  for (const answer of release) answer()
  expect(await Promise.all([...sent, other])).toSatisfy((all: { status: number }[]) =>
    all.every(({ status }) => status === 201),
  )
  await served.stop()
})
