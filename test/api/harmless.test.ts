import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LedgerReply, type ListReply, renderHash, type ShowReply } from '#contract'
import { claimOf, holdAction } from '../support/held.ts'
import { hostileAttempts } from '../support/hostile.ts'
import { startHouse } from '../support/house.ts'
import { apiOf, jsonOf, refusal, type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.house.stop())

test('api - the hostile corpus comes as the values that they are, and the card hashes to what a review quotes', async () => {
  const corpus = hostileAttempts()
  expect(corpus.length).toBeGreaterThan(40)
  for (const { name, attempt } of corpus) {
    const held = await holdAction(scene.agent, attempt)
    const response = await scene.get(`/v1/requests/${held.requestId}`, 'bob')
    expect([response.headers.get('content-type'), response.headers.get('x-content-type-options')]).toEqual([
      'application/json',
      'nosniff',
    ])
    const shown = JSON.parse(await response.text()) as ShowReply
    expect([name, renderHash(shown.card)]).toEqual([name, shown.renderHash])
    expect(JSON.stringify(shown.card.action.arguments)).toBe(
      JSON.stringify(
        (await scene.house.desk.show(scene.house.token('bob'), held.requestId)).card.action.arguments,
      ),
    )
    expect([shown.card.action.name, shown.card.statement]).toEqual([attempt.action.name, attempt.statement])
  }
  // Nor does any of it break the list.
  expect(
    (await jsonOf<ListReply>(scene.get('/v1/requests?limit=200', 'bob'))).requests.length,
  ).toBeGreaterThan(40)
}, 60_000)

const PUBLIC = ['/healthz', '/readyz', '/metrics', '/openapi.json', '/v1/keys', '/.well-known/jwks.json']
const GETS = [
  ...PUBLIC,
  '/v1/requests',
  '/v1/policy',
  '/v1/agents',
  '/v1/ledger',
  '/v1/events',
  '/v1/nothing',
]

test('api - a link scanner that opens every address changes nothing', async () => {
  const { requestId } = await holdAction(scene.agent)
  const sizeOf = async () => ((await (await scene.get('/v1/ledger', 'bob')).json()) as LedgerReply).size
  const before = await sizeOf()
  const own = [
    `/v1/requests/${requestId}`,
    `/v1/requests/${requestId}/reviews`,
    `/v1/requests/${requestId}/cancellation`,
  ]
  for (const path of [...GETS, ...own, '/v1/policy/explain'])
    for (const method of ['GET', 'HEAD', 'OPTIONS'])
      for (const person of [undefined, 'alice', 'bob'] as const) {
        const headers = person && { authorization: `Bearer ${scene.house.token(person)}` }
        const response = await scene.api.request(`${path}`, { method, ...(headers ? { headers } : {}) })
        expect(response.status).toBeLessThan(500)
        if (method === 'HEAD') expect(await response.text()).toBe('')
        else await response.body?.cancel()
      }
  expect(await sizeOf()).toBe(before)
  expect(await claimOf(scene.agent, requestId)).toEqual({ status: 'pending' })
  expect(scene.timers()).toBe(0)
})

test('api - nobody else is harmed by a broker that is away: each call says so, and when to try again', async () => {
  const house = await startHouse({ broker: false })
  try {
    const { api } = apiOf(house)
    const headers = { authorization: `Bearer ${house.token('bob')}` }
    for (const path of [
      '/v1/requests',
      '/v1/events',
      '/v1/policy',
      '/v1/keys',
      '/.well-known/jwks.json',
      '/readyz',
    ]) {
      const response = await api.request(path, { headers })
      expect(response.headers.get('retry-after')).toBe('5')
      expect([path, ...(await refusal(response))]).toEqual([path, 503, 'BROKER_UNAVAILABLE'])
    }
    const review = await api.request('/v1/requests/1-x/reviews', {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ verdict: 'deny', renderHash: `sha-256:${'0'.repeat(64)}` }),
    })
    expect(await refusal(review)).toEqual([503, 'BROKER_UNAVAILABLE'])
    expect((await api.request('/healthz')).status).toBe(200)
    expect((await api.request('/openapi.json')).status).toBe(200)
  } finally {
    await house.stop()
  }
})
