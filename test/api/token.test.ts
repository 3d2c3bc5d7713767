import { createHash, createHmac } from 'node:crypto'
import { generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEVELOPMENT_ISSUER } from '#identity'
import { holdAction } from '../support/held.ts'
import { tokenOf } from '../support/token.ts'
import { refusal, type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.house.stop())

const claims = (): Record<string, unknown> =>
  JSON.parse(Buffer.from(scene.house.token('bob').split('.')[1] as string, 'base64url').toString())
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const hmac = (input: string): string =>
  `${input}.${createHmac('sha256', createHash('sha256').update('key').digest()).update(input).digest('base64url')}`

const WITH_TOKEN = [
  ['GET', '/v1/requests'],
  ['GET', '/v1/requests/1-x'],
  ['GET', '/v1/events'],
  ['GET', '/v1/policy'],
  ['GET', '/v1/agents'],
  ['GET', '/v1/ledger'],
  ['POST', '/v1/requests/1-x/reviews'],
  ['POST', '/v1/requests/1-x/cancellation'],
  ['POST', '/v1/policy/explain'],
] as const

test.each(WITH_TOKEN)(
  'api - %s %s without a token says how to bring one, and no more',
  async (method, path) => {
    const response = await scene.api.request(path, { method })
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="holdpoint"')
    expect(await refusal(response)).toEqual([401, 'UNAUTHENTICATED'])
  },
)

const BAD: [string, () => string | Promise<string>][] = [
  ['garbage', () => 'garbage'],
  ['three parts of garbage', () => 'a.b.c'],
  ['one that is unsigned', () => `${encode({ alg: 'none' })}.${encode(claims())}.`],
  ['one signed with a shared secret', () => hmac(`${encode({ alg: 'HS256' })}.${encode(claims())}`)],
  [
    'one whose claims were changed',
    () => {
      const [header, , signature] = scene.house.token('bob').split('.')
      return `${header}.${encode({ ...claims(), sub: 'carol' })}.${signature}`
    },
  ],
  [
    'one of a foreign issuer',
    async () => {
      const { privateKey } = await generateKeyPair('EdDSA')
      return new SignJWT({ ...claims(), iss: 'https://evil.invalid' })
        .setProtectedHeader({ alg: 'EdDSA' })
        .sign(privateKey)
    },
  ],
  [
    'one that names our issuer, by a foreign key',
    async () => {
      const { privateKey } = await generateKeyPair('EdDSA')
      return new SignJWT({ ...claims(), iss: DEVELOPMENT_ISSUER })
        .setProtectedHeader({ alg: 'EdDSA' })
        .sign(privateKey)
    },
  ],
  ['one that has expired', () => tokenOf(scene.house.home, { sub: 'bob' }, Date.now() - 7_200_000)],
  ['one for somebody else', () => tokenOf(scene.house.home, { sub: 'bob', aud: 'payroll' })],
]

test.each(BAD)('api - a token is refused: %s', async (_, token) => {
  const { requestId } = await holdAction(scene.agent)
  const { renderHash } = await scene.show(requestId)
  const authorization = `Bearer ${await token()}`
  for (const path of ['/v1/requests', `/v1/requests/${requestId}`, '/v1/events', '/v1/policy']) {
    const response = await scene.get(path, undefined, { authorization })
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="holdpoint", error="invalid_token"')
    expect(await refusal(response)).toEqual([401, 'UNAUTHENTICATED'])
  }
  const review = { verdict: 'approve', renderHash }
  expect(
    await refusal(
      await scene.post(`/v1/requests/${requestId}/reviews`, undefined, review, { authorization }),
    ),
  ).toEqual([401, 'UNAUTHENTICATED'])
  expect((await scene.show(requestId)).summary).toMatchObject({ state: 'pending', reviews: [] })
})

test.each([
  ['two tokens', (token: string) => `Bearer ${token}, Bearer ${token}`],
  ['one with a space in it', (token: string) => `Bearer ${token} x`],
  ['none after the word', () => 'Bearer'],
  ['one that is very long', () => `Bearer ${'a'.repeat(16_385)}`],
])('api - the header Authorization is refused with %s, and not shown', async (_, header) => {
  const authorization = header(scene.house.token('bob'))
  const response = await scene.get('/v1/requests', undefined, { authorization })
  expect(response.headers.get('www-authenticate')).toBe('Bearer realm="holdpoint", error="invalid_request"')
  expect(await response.clone().text()).not.toContain(scene.house.token('bob').slice(0, 20))
  expect(await refusal(response)).toEqual([400, 'INVALID_INPUT'])
})

test('api - two headers Authorization are refused, whichever of them is good', async () => {
  const headers = new Headers([
    ['authorization', `Bearer ${scene.house.token('bob')}`],
    ['authorization', 'Bearer x'],
  ])
  expect(await refusal(await scene.api.request('/v1/requests', { headers }))).toEqual([400, 'INVALID_INPUT'])
})

test('api - cookies and other schemes are no sign-in', async () => {
  const token = scene.house.token('bob')
  for (const headers of [
    { cookie: `session=${token}; token=${token}; __Host-holdpoint=${token}` },
    { authorization: `Basic ${Buffer.from(`bob:${token}`).toString('base64')}` },
    { authorization: token },
    { 'x-authorization': `Bearer ${token}` },
  ])
    expect(await refusal(await scene.api.request('/v1/requests', { headers }))).toEqual([
      401,
      'UNAUTHENTICATED',
    ])
})

test.each(['token', 'access_token', 'id_token'])(
  'api - a token in the address is refused everywhere, and whose it is should sign in again: ?%s=',
  async (name) => {
    for (const path of ['/v1/requests', '/v1/events', '/v1/keys', '/healthz', '/v1/nothing']) {
      const response = await scene.get(`${path}?${name}=${scene.house.token('bob')}`, 'bob')
      expect(response.headers.get('www-authenticate')).toContain('error="invalid_request"')
      const text = await response.clone().text()
      expect(text).toContain('sign in again')
      expect(text).not.toContain(scene.house.token('bob').slice(0, 20))
      expect(await refusal(response)).toEqual([400, 'INVALID_INPUT'])
    }
  },
)
