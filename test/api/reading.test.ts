import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AgentsReply, ListReply } from '#contract'
import { holdAction, reviewAs } from '../support/held.ts'
import { attemptOf } from '../support/house.ts'
import { jsonOf, refusal, type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.house.stop())

const listOf = (query: string): Promise<ListReply> => jsonOf(scene.get(`/v1/requests?${query}`, 'bob'))

test('api - pages follow each other by cursor and by link, and keep the filter', async () => {
  const agent = await scene.house.agent('paged-agent')
  const ids: string[] = []
  for (let count = 0; count < 5; count++) ids.push((await holdAction(agent)).requestId)
  const seen: string[] = []
  let path: string | undefined = '/v1/requests?agent=paged-agent&limit=2'
  while (path !== undefined) {
    const response: Response = await scene.get(path, 'bob')
    const page = (await response.json()) as ListReply
    expect(page.total).toBe(5)
    seen.push(...page.requests.map(({ requestId }) => requestId))
    const link: string | null = response.headers.get('link')
    path = link?.replace(/^<https:\/\/holdpoint\.example\.com(.*)>; rel="next"$/, '$1')
    if (path !== undefined) expect(new URL(path, 'https://x').searchParams.get('cursor')).toBe(page.next)
  }
  expect(seen).toEqual(ids)
})

test('api - filters choose by state, by text and by who could answer', async () => {
  const { requestId } = await holdAction(scene.agent, attemptOf({ name: 'page_oncall', target: 'needle-1' }))
  expect(await listOf('text=NEEDLE-1')).toMatchObject({
    total: 1,
    requests: [{ requestId, state: 'pending' }],
  })
  expect(await listOf('text=needle-1&reviewable=true')).toMatchObject({ total: 0 })
  expect(await listOf('text=needle-1&reviewable=false')).toMatchObject({ total: 1 })
  await reviewAs(scene.house, 'carol', requestId, 'deny')
  expect(await listOf('text=needle-1')).toMatchObject({ total: 0 })
  expect(await listOf('text=needle-1&state=decided')).toMatchObject({ requests: [{ state: 'denied' }] })
})

test.each([
  ['limit=0', 'limit is 0, expected a whole number from 1 to 200'],
  ['limit=201', 'limit is 201'],
  ['limit=ten', 'limit is \\"ten\\"'],
  ['limit=1e2', 'limit is \\"1e2\\"'],
  ['limit=1&limit=2', 'twice'],
  ['state=open', '\\"pending\\" or \\"decided\\" or \\"all\\"'],
  ['reviewable=yes', 'expected true or false'],
  ['cursor=../x', 'cursor'],
  ['cursor=after-99999999999999999999', 'cursor'],
  ['text=', 'text'],
  [`text=${'x'.repeat(501)}`, 'text'],
  ['colour=red', 'colour'],
  ['__proto__=x', '__proto__'],
])('api - a filter is refused with what was expected: %s', async (query, words) => {
  const response = await scene.get(`/v1/requests?${query}`, 'bob')
  expect(await response.clone().text()).toContain(words)
  expect(await refusal(response)).toEqual([400, 'INVALID_INPUT'])
})

test('api - a request has a tag of its own bytes, which changes with a review', async () => {
  const { requestId } = await holdAction(scene.agent, attemptOf({ name: 'wire_money' }))
  const path = `/v1/requests/${requestId}`
  const tag = (await scene.get(path, 'bob')).headers.get('etag') as string
  expect(tag).toMatch(/^"[0-9a-f]{64}"$/)
  const same = await scene.get(path, 'bob', { 'if-none-match': `"x", W/${tag}` })
  expect([same.status, await same.text(), same.headers.get('etag')]).toEqual([304, '', tag])
  // Carol may review, bob may not any more: what is told to one is not the other's.
  await reviewAs(scene.house, 'bob', requestId)
  expect((await scene.get(path, 'bob', { 'if-none-match': tag })).status).toBe(200)
  expect((await scene.get(path, 'carol')).headers.get('etag')).not.toBe(
    (await scene.get(path, 'bob')).headers.get('etag'),
  )
})

test('api - policy, explanation, agents and ledger are what the broker says', async () => {
  const { requestId } = await holdAction(scene.agent)
  expect(await (await scene.get('/v1/policy', 'bob')).json()).toEqual(
    await scene.house.desk.policy(scene.house.token('bob')),
  )
  const explained = await scene.post('/v1/policy/explain', 'bob', { requestId })
  expect(await explained.json()).toMatchObject({ ruling: { effect: 'hold', rule: 'defaults' } })
  const action = { kind: 'tool', name: 'drop_everything' }
  expect(await (await scene.post('/v1/policy/explain', 'bob', { action })).json()).toMatchObject({
    ruling: { effect: 'deny', rule: 'drop' },
  })
  const { agents } = await jsonOf<AgentsReply>(scene.get('/v1/agents', 'bob'))
  expect(agents).toContainEqual(expect.objectContaining({ agentId: 'support-agent', environment: 'prod' }))
  expect(await (await scene.get('/v1/ledger', 'bob')).json()).toMatchObject({
    epoch: 1,
    origin: 'test.invalid/holdpoint',
  })
})

test.each([
  ['both', { requestId: '1-x', action: { kind: 'tool', name: 'x' } }],
  ['neither', {}],
  ['a list', []],
  ['nothing', null],
  ['a token', { requestId: '1-x', token: 'x' }],
  ['a kind in capitals', { action: { kind: 'TOOL', name: 'x' } }],
])('api - a question about the policy is refused: %s', async (_, body) => {
  expect(await refusal(await scene.post('/v1/policy/explain', 'bob', body))).toEqual([400, 'INVALID_INPUT'])
})
