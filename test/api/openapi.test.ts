import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ERROR_CODES, HTTP_STATUS } from '#contract'
import { claimOf, consumeOf, holdAction, newNonce, reviewAs } from '../support/held.ts'
import { attemptOf } from '../support/house.ts'
import { document, expectDocumented, validatorOf } from './documented.ts'
import { type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.house.stop())

test('api - the document is OpenAPI 3.1, by the official schema, and refused with a mistake in it', async () => {
  const validate = async (value: unknown) => new Validator().validate(JSON.parse(JSON.stringify(value)))
  expect(await validate(document)).toEqual({ valid: true })
  expect((await validate({ ...document, info: {} })).valid).toBe(false)
  const served = await (await scene.get('/openapi.json')).json()
  expect(served).toMatchObject({
    info: { version: '1.2.3' },
    servers: [{ url: 'https://holdpoint.example.com' }],
  })
  expect(served).toEqual(JSON.parse(JSON.stringify(document)))
})

/** Answered by the channels, which have an app of their own. */
const ELSEWHERE = ['POST /v1/webhooks/{name}/reviews']

test('api - every route is documented, and what is documented is there', () => {
  const routes = scene.api.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(routes.length).toBeGreaterThan(12)
  expect([...routes, ...ELSEWHERE].sort()).toEqual(documented.sort())
})

test('api - every reference leads somewhere, every schema is used, every operation has a name of its own', () => {
  const text = JSON.stringify(document)
  const named = new Set([...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name))
  expect([...named].sort()).toEqual(Object.keys(document.components.schemas).sort())
  const ids = [...text.matchAll(/"operationId":"(\w+)"/g)].map(([, id]) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(document.components.schemas.ErrorCode?.enum).toEqual(Object.keys(ERROR_CODES))
  expect(Object.keys(HTTP_STATUS)).toEqual(Object.keys(ERROR_CODES))
})

test('api - real answers are as they are documented, member for member', async () => {
  const hostile = {
    facts: [{ name: 'rows', value: { many: [1] }, source: 'agent' as const }],
    statement: 'Trust me.',
  }
  const held = await holdAction(
    scene.agent,
    attemptOf({ target: 'db/customers' }, { ...hostile, onBehalfOf: [scene.house.token('carol')] }),
  )
  const path = `/v1/requests/${held.requestId}`
  await expectDocumented('Request', scene.get(path, 'bob'))
  await expectDocumented('Request', scene.get(path, 'alice'))
  await expectDocumented('ReviewResult', scene.review(held.requestId, 'bob', { reason: 'Fine.' }))
  expect(await claimOf(scene.agent, held.requestId)).toMatchObject({ status: 'approved' })
  const nonce = newNonce()
  await consumeOf(scene.agent, held, nonce)
  await scene.agent.call('outcome', {
    requestId: held.requestId,
    nonce,
    outcome: 'failed',
    errorType: 'Timeout',
  })
  await expectDocumented('Request', scene.get(path, 'bob'))
  await expectDocumented(
    'Explanation',
    scene.post('/v1/policy/explain', 'bob', { requestId: held.requestId }),
  )

  const secret = await holdAction(
    scene.agent,
    attemptOf({ name: 'rotate_secret', arguments: { password: 'hunter2' } }),
  )
  await expectDocumented('Request', scene.get(`/v1/requests/${secret.requestId}`, 'bob'))
  await reviewAs(scene.house, 'bob', secret.requestId, 'deny')
  for (let count = 0; count < 2; count++) await holdAction(scene.agent)
  await expectDocumented('RequestList', scene.get('/v1/requests?state=all&limit=2', 'bob'))
  await expectDocumented('Policy', scene.get('/v1/policy', 'bob'))
  await expectDocumented('AgentList', scene.get('/v1/agents', 'bob'))
  await expectDocumented('Ledger', scene.get('/v1/ledger', 'bob'))
  await expectDocumented('Keys', scene.get('/v1/keys'))
  await expectDocumented('JwkSet', scene.get('/.well-known/jwks.json'))
  const { requestId } = await holdAction(scene.agent)
  await expectDocumented(
    'CancellationResult',
    scene.post(`/v1/requests/${requestId}/cancellation`, 'alice', {}),
  )
})

test('api - problems are as they are documented, at statuses that their operations name', async () => {
  const { requestId } = await holdAction(scene.agent)
  const review = { verdict: 'approve', renderHash: `sha-256:${'0'.repeat(64)}` }
  const reviews = `/v1/requests/${requestId}/reviews`
  const cases: [string, string, Promise<Response>][] = [
    ['/v1/requests', 'get', scene.get('/v1/requests')],
    ['/v1/requests', 'get', scene.get('/v1/requests?limit=0', 'bob')],
    ['/v1/requests/{id}', 'get', scene.get('/v1/requests/1-nothing', 'bob')],
    ['/v1/requests/{id}/reviews', 'post', scene.post(reviews, 'bob', review)],
    ['/v1/requests/{id}/reviews', 'post', scene.post(reviews, 'alice', review)],
    ['/v1/requests/{id}/reviews', 'post', scene.post(reviews, 'bob', 'x', { 'content-type': 'text/plain' })],
    ['/v1/requests/{id}/reviews', 'post', scene.post(reviews, 'bob', 'x'.repeat(70_000))],
    [
      '/v1/requests/{id}/cancellation',
      'post',
      scene.post(`/v1/requests/${requestId}/cancellation`, 'bob', {}),
    ],
    [
      '/v1/policy/explain',
      'post',
      scene.post('/v1/policy/explain', 'bob', { action: { kind: 'tool', name: 'x' }, agentId: 'nobody' }),
    ],
  ]
  for (const [path, method, answer] of cases) {
    const response = await answer
    expect([path, Object.keys(document.paths[path]?.[method]?.responses as object)]).toEqual([
      path,
      expect.arrayContaining([String(response.status)]),
    ])
    await expectDocumented('Problem', response)
  }
})

test('api - what is sent is documented as it is taken', () => {
  const digest = `sha-256:${'0a'.repeat(32)}`
  for (const [name, good, bad] of [
    [
      'Review',
      { verdict: 'deny', renderHash: digest, reason: 'no' },
      { verdict: 'deny', renderHash: digest, token: 'x' },
    ],
    ['ExplainQuestion', { requestId: '1-x' }, { requestId: '1-x', action: { kind: 'tool', name: 'x' } }],
    ['ExplainQuestion', { action: { kind: 'tool', name: 'x' }, environment: 'prod' }, {}],
    [
      'WebhookAnswer',
      { requestId: '1-x', verdict: 'approve', renderHash: digest },
      { verdict: 'approve', renderHash: digest },
    ],
  ] as const) {
    const validate = validatorOf(name)
    expect([name, validate(good), validate(bad)]).toEqual([name, true, false])
  }
})
