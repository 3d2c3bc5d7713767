import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestBytes, HoldpointError, type WebhookAnswer } from '#contract'
import { DEVELOPMENT_ISSUER } from '#identity'
import { claimOf, holdAction } from '../support/held.ts'
import { attemptOf } from '../support/house.ts'
import { endpointOf, OTHER_SECRET, type Scene, SECRET, startScene } from './scene.ts'

let scene: Scene
let url: string
beforeAll(async () => {
  scene = await startScene()
  const endpoints = [
    endpointOf({ name: 'hook', answers: true }),
    endpointOf({ name: 'other', secret: OTHER_SECRET, answers: true }),
    endpointOf({ name: 'mute', answers: false }),
  ]
  url = (await scene.serve({ endpoints })).server.url()
})
afterAll(() => scene?.stop())

const REVIEWER = { iss: 'https://chat.example.com', sub: 'U7', name: 'Uma' }
let messages = 0

interface Sending {
  name?: string
  secret?: string
  id?: string
  /** Seconds from now. */
  at?: number
  method?: string
  headers?: Record<string, string>
}

async function send(body: string | Uint8Array<ArrayBuffer>, sending: Sending = {}) {
  const {
    name = 'hook',
    secret = SECRET,
    id = `msg_${++messages}`,
    at = 0,
    method = 'POST',
    headers = {},
  } = sending
  const timestamp = new Date(scene.house.clock.now() + at * 1000)
  const response = await fetch(`${url}/v1/webhooks/${name}/reviews`, {
    method,
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(timestamp.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign(id, timestamp, Buffer.from(body).toString()),
      ...headers,
    },
    ...(method === 'POST' ? { body } : {}),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
  }
}

type More = { [K in keyof WebhookAnswer]?: WebhookAnswer[K] | undefined }

/** A request that may be answered at `chat`, and a good answer to it. */
async function pending(name = 'restart_worker', more: More = {}) {
  const held = await holdAction(scene.agent, attemptOf({ name, target: 'worker-3' }))
  const { renderHash } = await scene.channelDesk.show(held.requestId)
  const answer = {
    requestId: held.requestId,
    verdict: 'approve' as const,
    renderHash,
    reviewer: REVIEWER,
    ...more,
  }
  return { requestId: held.requestId, answer, body: JSON.stringify(answer) }
}
const stateOf = async (requestId: string) => (await scene.channelDesk.show(requestId)).summary.state

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
  const before = url
  url = served.server.url()
  const at = Math.floor(scene.house.clock.now() / 1000)
  const { body } = await pending()
  await send(body, {
    id: 'evident',
    headers: {
      'webhook-timestamp': String(at),
      'webhook-signature': new Webhook(SECRET).sign('evident', new Date(at * 1000), body),
    },
  })
  url = before
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

test('webhook answer - of several signatures one has to be good', async () => {
  const { body } = await pending()
  const now = new Date(scene.house.clock.now())
  const [good, bad] = [SECRET, OTHER_SECRET].map((secret) => new Webhook(secret).sign('rotated', now, body))
  const headers = {
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': `v1a,AAAA ${bad} ${good} v2,BBBB`,
  }
  expect(await send(body, { id: 'rotated', headers })).toMatchObject({ status: 201 })
})

const many = (count: number) =>
  Array(count)
    .fill(`v1,${'A'.repeat(43)}=`)
    .join(' ')
test.each<[string, Sending]>([
  ['a name that is not configured', { name: 'nobody' }],
  ['a name of the prototype', { name: '__proto__' }],
  ['another endpoint’s secret', { secret: OTHER_SECRET }],
  ['the signature of another endpoint', { name: 'other' }],
  ['no signature', { headers: { 'webhook-signature': '' } }],
  ['a signature of nothing', { headers: { 'webhook-signature': 'v1,' } }],
  ['a signature without its version', { headers: { 'webhook-signature': 'A'.repeat(44) } }],
  ['ten thousand signatures', { headers: { 'webhook-signature': many(300) } }],
  ['another id than was signed', { headers: { 'webhook-id': 'another' } }],
  ['no id', { headers: { 'webhook-id': '' } }],
  ['an id with a dot', { id: 'a.b' }],
  ['another time than was signed', { headers: { 'webhook-timestamp': '1700000000' } }],
  ['no time', { headers: { 'webhook-timestamp': '' } }],
  ['a time that is none', { headers: { 'webhook-timestamp': 'now' } }],
  ['a time with a fraction', { headers: { 'webhook-timestamp': '1700000000.5' } }],
  ['a time in other digits', { headers: { 'webhook-timestamp': '0x65540000' } }],
])('webhook answer - %s: refused like every other', async (_, sending) => {
  const { requestId, body } = await pending()
  const refused = await send(body, sending)
  expect(refused.status).toBe(401)
  expect(refused.headers.get('content-type')).toBe('application/problem+json')
  expect(refused.body).toEqual({
    type: 'https://holdpoint.dev/problems/bad-signature',
    title: expect.any(String),
    status: 401,
    detail: 'no endpoint of this name has signed this message',
    code: 'BAD_SIGNATURE',
  })
  expect(await stateOf(requestId)).toBe('pending')
})

test.each([-301, -3_600, 301, 86_400])('webhook answer - signed %d s from now: refused', async (at) => {
  const { requestId, body } = await pending()
  expect(await send(body, { at })).toMatchObject({ status: 401, body: { code: 'BAD_SIGNATURE' } })
  expect(await stateOf(requestId)).toBe('pending')
})

test.each([-298, 298])('webhook answer - signed %d s from now: taken', async (at) => {
  const { body } = await pending()
  expect(await send(body, { at })).toMatchObject({ status: 201 })
})

test('webhook answer - a body that was changed on its way is refused', async () => {
  const { requestId, answer, body } = await pending('restart_worker', { verdict: 'deny' })
  const at = new Date(scene.house.clock.now())
  const headers = {
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(SECRET).sign('changed', at, body),
  }
  const changed = JSON.stringify({ ...answer, verdict: 'approve' })
  expect(await send(changed, { id: 'changed', headers })).toMatchObject({ status: 401 })
  expect(await stateOf(requestId)).toBe('pending')
})

test('webhook answer - bytes that are no text are refused, whatever they were signed as', async () => {
  const { body } = await pending()
  const bytes = Buffer.concat([Buffer.from(body.slice(0, -1)), Buffer.from([0xff, 0x7d])])
  expect(await send(bytes)).toMatchObject({ status: 401 })
})

test('webhook answer - an endpoint that may not answer is told so, once its signature is known to be good', async () => {
  const { requestId, body } = await pending()
  expect(await send(body, { name: 'mute' })).toMatchObject({ status: 403, body: { code: 'NOT_A_REVIEWER' } })
  expect(await send(body, { name: 'mute', secret: OTHER_SECRET })).toMatchObject({ status: 401 })
  expect(await stateOf(requestId)).toBe('pending')
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

test.each([
  ['no JSON', '{'],
  ['a key twice', '{"verdict":"approve","verdict":"deny"}'],
  ['deep nesting', '['.repeat(2_000) + ']'.repeat(2_000)],
  ['a list', '[]'],
  ['nothing', ''],
])('webhook answer - %s is refused, signed or not', async (_, body) => {
  expect(await send(body)).toMatchObject({ status: 400, body: { code: 'INVALID_INPUT' } })
})

test('webhook answer - more than 64 KB are not read', async () => {
  const { answer } = await pending()
  expect(await send(JSON.stringify({ ...answer, reason: 'x'.repeat(70_000) }))).toMatchObject({
    status: 413,
    body: { code: 'PAYLOAD_TOO_LARGE' },
  })
})

test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])(
  'webhook answer - %s changes nothing, for names that exist and names that do not',
  async (method) => {
    for (const name of ['hook', 'nobody']) {
      const response = await fetch(`${url}/v1/webhooks/${name}/reviews?verdict=approve`, { method })
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe('POST')
      await response.body?.cancel()
    }
  },
)

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
  const before = url
  url = served.server.url()
  const { body } = await pending()
  expect(await send(body, { id: 'again' })).toMatchObject({
    status: 503,
    body: { code: 'BROKER_UNAVAILABLE' },
  })
  expect(await send(body, { id: 'again' })).toMatchObject({ status: 201 })
  url = before
  await served.stop()
})
