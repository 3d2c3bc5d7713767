import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answering, type Sending, startAnswering } from './answering.ts'
import { OTHER_SECRET, type Scene, SECRET } from './scene.ts'

let scene: Scene
let url: string
let send: Answering['send']
let pending: Answering['pending']
let stateOf: Answering['stateOf']
let stop: Answering['stop']
beforeAll(async () => {
  ;({ scene, url, send, pending, stateOf, stop } = await startAnswering())
})
afterAll(() => stop?.())

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
