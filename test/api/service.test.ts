import { compactVerify, importJWK, type JWK } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { API_INSTRUMENTS } from '#api'
import type { ClaimReply, TrustReply } from '#contract'
import { claimOf, holdAction, reviewAs } from '../support/held.ts'
import { expectAsDescribed } from '../support/metrics/described.ts'
import { parsePrometheus, sampleValue } from '../support/metrics/parse.ts'
import { apiOf, jsonOf, refusal, type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.house.stop())

test('api - a warrant is verified by the keys at their well-known address, which are those of the broker alone', async () => {
  const response = await scene.get('/.well-known/jwks.json')
  expect(response.headers.get('content-type')).toBe('application/jwk-set+json')
  const jwks = await jsonOf<{ keys: JWK[] }>(response)
  const trust = (await (await scene.get('/v1/keys')).json()) as TrustReply
  expect(jwks.keys.map(({ kid }) => kid)).toEqual(
    trust.keys.filter(({ use }) => use === 'broker').map(({ kid }) => kid),
  )
  expect(trust.keys.some(({ use }) => use === 'ledger')).toBe(true)
  const { requestId } = await holdAction(scene.agent)
  await reviewAs(scene.house, 'bob', requestId)
  const { warrant } = (await claimOf(scene.agent, requestId)) as Extract<ClaimReply, { status: 'approved' }>
  const { protectedHeader } = await compactVerify(warrant, async ({ kid, alg }) =>
    importJWK(jwks.keys.find((key) => key.kid === kid) as JWK, alg),
  )
  expect(protectedHeader).toMatchObject({ typ: 'holdpoint-warrant+jwt', alg: 'EdDSA' })
})

test('api - a flood of questions for the keys is one question to the broker', async () => {
  let asked = 0
  const desk = {
    ...scene.house.desk,
    trust: () => {
      asked++
      return scene.house.desk.trust()
    },
  }
  const { api } = apiOf(scene.house, {}, desk)
  await Promise.all(Array.from({ length: 50 }, () => api.request('/v1/keys')))
  await api.request('/readyz')
  expect(asked).toBe(1)
  scene.house.clock.advance(1_001)
  expect((await api.request('/readyz')).status).toBe(200)
  expect(asked).toBe(2)
})

test('api - metrics name routes and never what somebody typed', async () => {
  await scene.get('/v1/requests/secret-id-1', 'bob')
  await scene.get('/v1/secret-path')
  await scene.api.request('/v1/requests', { method: 'SECRET' })
  const response = await scene.get('/metrics')
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const text = await response.text()
  expect(text).not.toMatch(/secret/i)
  const families = parsePrometheus(text)
  const counted = (labels: Record<string, string>) =>
    sampleValue(families, 'http_server_request_duration_seconds_count', labels)
  expect(
    counted({
      http_request_method: 'GET',
      http_route: '/v1/requests/:id',
      http_response_status_code: '404',
    }),
  ).toBe(1)
  expect(counted({ http_request_method: '_OTHER', http_response_status_code: '405' })).toBe(1)
  expectAsDescribed(families, Object.values(API_INSTRUMENTS))
})

test('api - a fault of ours tells the log everything, and the caller nothing', async () => {
  const desk = {
    ...scene.house.desk,
    policy: async () => {
      throw new TypeError('secret-of-the-house')
    },
  }
  const { api } = apiOf(scene.house, {}, desk)
  const response = await api.request('/v1/policy', { headers: { authorization: 'Bearer x' } })
  expect(await response.clone().text()).not.toContain('secret-of-the-house')
  expect(await refusal(response)).toEqual([500, 'INTERNAL'])
  expect(scene.house.lines.some((line) => line.includes('secret-of-the-house'))).toBe(true)
})
