import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimOf, consumeOf, holdAction, reviewAs } from '../support/held.ts'
import { document, expectDocumented } from './documented.ts'
import { jsonOf, refusal, type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.house.stop())

const held = () => holdAction(scene.agent)
async function approved() {
  const request = await held()
  await reviewAs(scene.house, 'bob', request.requestId)
  return request
}
const on = (requestId: string, what: string, as: 'alice' | 'bob' | 'carol' | undefined, body: unknown = {}) =>
  scene.post(`/v1/requests/${requestId}/${what}`, as, body)

test('api - an approval is taken back, with an empty body or none', async () => {
  const { requestId } = await approved()
  await expectDocumented('CancellationResult', on(requestId, 'revocation', 'carol'))
  expect(await claimOf(scene.agent, requestId)).toEqual({ status: 'spent', code: 'APPROVAL_REVOKED' })
  const other = await approved()
  const headers = { authorization: `Bearer ${scene.house.token('bob')}` }
  const path = `/v1/requests/${other.requestId}/revocation`
  const response = await scene.api.request(path, { method: 'POST', headers })
  expect([response.status, await response.json()]).toEqual([200, { state: 'revoked' }])
})

test('api - what may not be taken back is refused with its code', async () => {
  const { requestId } = await approved()
  expect(await refusal(await on(requestId, 'revocation', 'alice'))).toEqual([403, 'SELF_APPROVAL'])
  expect(await refusal(await on(requestId, 'revocation', undefined))).toEqual([401, 'UNAUTHENTICATED'])
  expect(await refusal(await on(requestId, 'revocation', 'bob', { force: true }))).toEqual([
    400,
    'INVALID_INPUT',
  ])
  expect(await refusal(await on('1-nothing', 'revocation', 'bob'))).toEqual([404, 'UNKNOWN_REQUEST'])
  const waiting = await held()
  expect((await refusal(await on(waiting.requestId, 'revocation', 'bob')))[1]).toBe('TOO_EARLY')
  const used = await approved()
  await consumeOf(scene.agent, used)
  expect(await refusal(await on(used.requestId, 'revocation', 'bob'))).toEqual([409, 'ALREADY_SPENT'])
})

test('api - what was erased is gone for everybody, and its list entry is not', async () => {
  const { requestId } = await held()
  await reviewAs(scene.house, 'bob', requestId, 'deny')
  expect(await refusal(await on(requestId, 'erasure', 'alice'))).toEqual([403, 'NOT_PERMITTED'])
  await expectDocumented('ErasureResult', on(requestId, 'erasure', 'bob'))
  const path = `/v1/requests/${requestId}`
  expect(await refusal(await scene.get(path, 'bob'))).toEqual([410, 'ERASED'])
  expect(Object.keys(document.paths['/v1/requests/{id}']?.get?.responses as object)).toContain('410')
  expect(await jsonOf(scene.get(`/v1/requests?state=decided&text=${requestId}`, 'bob'))).toMatchObject({
    total: 1,
  })
})

test('api - an agent is frozen by one person and thawed by another, and stands so in the list', async () => {
  const agent = await scene.house.agent('frozen-agent')
  await holdAction(agent)
  const freeze = await scene.post('/v1/agents/frozen-agent/freeze', 'bob', { reason: 'Leaked credentials.' })
  expect(await freeze.clone().json()).toMatchObject({ agentId: 'frozen-agent', frozen: true, cancelled: 1 })
  await expectDocumented('FreezeResult', freeze)
  const list = await jsonOf<{ agents: { agentId: string; frozen?: unknown }[] }>(
    scene.get('/v1/agents', 'bob'),
  )
  expect(list.agents.find(({ agentId }) => agentId === 'frozen-agent')?.frozen).toMatchObject({
    by: 'Bob Berger',
  })
  await expectDocumented('AgentList', scene.get('/v1/agents', 'bob'))
  expect(await refusal(await scene.post('/v1/agents/frozen-agent/thaw', 'bob', {}))).toEqual([
    ...[403, 'SELF_APPROVAL'],
  ])
  expect(await jsonOf(scene.post('/v1/agents/frozen-agent/thaw', 'carol', {}))).toMatchObject({
    frozen: false,
  })
})

test('api - all are frozen and thawed', async () => {
  const { api, house } = scene
  const headers = (as: 'bob' | 'carol') => ({ authorization: `Bearer ${house.token(as)}` })
  const frozen = await api.request('/v1/freeze', { method: 'POST', headers: headers('bob') })
  expect([frozen.status, await frozen.clone().json()]).toEqual([
    200,
    expect.objectContaining({ frozen: true }),
  ])
  await expectDocumented('FreezeResult', frozen)
  await expectDocumented('AgentList', scene.get('/v1/agents', 'bob'))
  const thawed = await api.request('/v1/thaw', { method: 'POST', headers: headers('carol') })
  expect(await thawed.json()).toMatchObject({ frozen: false, cancelled: 0, revoked: 0 })
})

test.each([
  ['/v1/agents/nobody/freeze', 'bob', {}, 404, 'UNKNOWN_AGENT'],
  ['/v1/agents/No%20Such/freeze', 'bob', {}, 400, 'INVALID_INPUT'],
  ['/v1/agents/support-agent/freeze', 'alice', {}, 403, 'NOT_PERMITTED'],
  ['/v1/agents/support-agent/freeze', undefined, {}, 401, 'UNAUTHENTICATED'],
  ['/v1/agents/support-agent/freeze', 'bob', { agentId: 'other' }, 400, 'INVALID_INPUT'],
  ['/v1/agents/support-agent/freeze', 'bob', { reason: 'x'.repeat(1001) }, 400, 'INVALID_INPUT'],
  ['/v1/agents/support-agent/freeze?all=1', 'bob', {}, 400, 'INVALID_INPUT'],
  ['/v1/agents/support-agent/thaw', 'bob', {}, 404, 'NOT_FOUND'],
  ['/v1/freeze', 'alice', {}, 403, 'NOT_PERMITTED'],
  ['/v1/thaw', 'carol', {}, 404, 'NOT_FOUND'],
] as const)('api - %s by %s with %j is refused with %i %s', async (path, as, body, status, code) => {
  const response = await scene.post(path, as, body)
  expect(Object.keys(operationOf(path))).toContain(String(status))
  expect(await refusal(response)).toEqual([status, code])
  const { agents } = await scene.house.desk.agents(scene.house.token('bob'))
  expect(agents.find(({ agentId }) => agentId === 'support-agent')).not.toHaveProperty('frozen')
})

test.each(['/v1/freeze', '/v1/agents/support-agent/freeze', '/v1/requests/1-abc/erasure'])(
  'api - reading %s changes nothing',
  async (path) => {
    expect(await refusal(await scene.get(path, 'bob'))).toEqual([405, 'METHOD_NOT_ALLOWED'])
  },
)

const operationOf = (path: string): object => {
  const named = path.replace(/\?.*/, '').replace(/\/agents\/[^/]+/, '/agents/{id}')
  return document.paths[named]?.post?.responses as object
}
