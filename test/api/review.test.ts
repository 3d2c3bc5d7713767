import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimOf, holdAction } from '../support/held.ts'
import { attemptOf } from '../support/house.ts'
import { refusal, type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.house.stop())

const OTHER = `sha-256:${'0'.repeat(64)}`

test('api - an approval that quotes the card releases the action, and stands in the timeline as given here', async () => {
  const { requestId } = await holdAction(scene.agent)
  const response = await scene.review(requestId, 'bob', { reason: 'Looks right.' })
  expect([response.status, await response.json()]).toEqual([201, { state: 'approved', missing: 0 }])
  expect(await claimOf(scene.agent, requestId)).toMatchObject({ status: 'approved' })
  const { timeline } = await scene.show(requestId)
  expect(timeline.map(({ what }) => what)).toEqual(['pending', 'approve', 'approved'])
  expect(timeline[1]).toMatchObject({
    reason: 'Looks right.',
    people: [{ sub: 'bob', assurance: 'login', channel: 'api' }],
  })
})

test('api - a denial brings its reason to the agent', async () => {
  const { requestId } = await holdAction(scene.agent)
  const response = await scene.review(requestId, 'bob', { verdict: 'deny', reason: 'One region, please.' })
  expect([response.status, await response.json()]).toEqual([201, { state: 'denied', missing: 0 }])
  expect(await claimOf(scene.agent, requestId)).toMatchObject({
    status: 'denied',
    reason: 'One region, please.',
  })
})

test('api - one of two leaves one missing, and the same person is not two', async () => {
  const { requestId } = await holdAction(scene.agent, attemptOf({ name: 'wire_money' }))
  expect(await (await scene.review(requestId, 'bob')).json()).toEqual({ state: 'pending', missing: 1 })
  expect(await refusal(await scene.review(requestId, 'bob'))).toEqual([409, 'ALREADY_REVIEWED'])
  expect(await (await scene.review(requestId, 'carol')).json()).toEqual({ state: 'approved', missing: 0 })
})

test('api - who may not review is told why', async () => {
  const { requestId } = await holdAction(await scene.house.agent('bobs-agent', { owner: 'bob' }))
  expect(await refusal(await scene.review(requestId, 'bob'))).toEqual([403, 'SELF_APPROVAL'])
  const oncall = await holdAction(scene.agent, attemptOf({ name: 'page_oncall' }))
  expect(await refusal(await scene.review(oncall.requestId, 'bob'))).toEqual([403, 'NOT_A_REVIEWER'])
  expect((await scene.show(requestId)).mayReview).toMatchObject({ ok: false, code: 'SELF_APPROVAL' })
})

test('api - a review of another card, of a decided request and of none is refused', async () => {
  const { requestId } = await holdAction(scene.agent)
  expect(await refusal(await scene.review(requestId, 'bob', { renderHash: OTHER }))).toEqual([
    409,
    'CARD_MISMATCH',
  ])
  await scene.review(requestId, 'carol', { verdict: 'deny' })
  expect(await refusal(await scene.review(requestId, 'bob'))).toEqual([409, 'ALREADY_DECIDED'])
  const review = { verdict: 'approve', renderHash: OTHER }
  for (const id of ['1-nothing', 'a%2Fb', '*', '%3E', 'x'.repeat(200)])
    expect(await refusal(await scene.post(`/v1/requests/${id}/reviews`, 'bob', review))).toEqual([
      404,
      'UNKNOWN_REQUEST',
    ])
  expect(await refusal(await scene.post(`/v1/requests/${'x'.repeat(201)}/reviews`, 'bob', review))).toEqual([
    400,
    'INVALID_INPUT',
  ])
})

test('api - a request is cancelled by its owner, with an empty body or none, and by nobody else', async () => {
  const { requestId } = await holdAction(scene.agent)
  const path = `/v1/requests/${requestId}/cancellation`
  expect(await refusal(await scene.post(path, 'bob', {}))).toEqual([403, 'NOT_THE_REQUESTER'])
  expect(await refusal(await scene.post(path, 'alice', { force: true }))).toEqual([400, 'INVALID_INPUT'])
  const headers = { authorization: `Bearer ${scene.house.token('alice')}` }
  const response = await scene.api.request(path, { method: 'POST', headers })
  expect([response.status, await response.json()]).toEqual([200, { state: 'cancelled' }])
})

const BODIES: [string, string, string][] = [
  ['no JSON', '{', 'JSON'],
  ['nothing', '', 'JSON'],
  ['a list', '[]', 'a mapping'],
  ['a key twice', `{"verdict":"deny","verdict":"approve","renderHash":"${OTHER}"}`, '"verdict\\" twice'],
  ['a key that nobody knows', `{"verdict":"deny","renderHash":"${OTHER}","sudo":true}`, 'sudo'],
  ['a channel of its own', `{"verdict":"deny","renderHash":"${OTHER}","channel":"console"}`, 'channel'],
  ['a token of its own', `{"verdict":"deny","renderHash":"${OTHER}","token":"x"}`, 'token'],
  ['another verdict', `{"verdict":"APPROVE","renderHash":"${OTHER}"}`, 'verdict is \\"APPROVE\\", expected'],
  ['no hash', '{"verdict":"approve"}', 'renderHash is missing'],
  ['an empty hash', '{"verdict":"approve","renderHash":""}', 'renderHash'],
  ['a list of hashes', `{"verdict":"approve","renderHash":["${OTHER}"]}`, 'renderHash is a list of 1'],
  [
    'a long reason',
    JSON.stringify({ verdict: 'deny', renderHash: OTHER, reason: 'x'.repeat(4001) }),
    'reason',
  ],
  ['a lone surrogate', `{"verdict":"deny","renderHash":"${OTHER}","reason":"\\ud800"}`, 'surrogate'],
  ['a byte-order mark', `\ufeff{"verdict":"deny","renderHash":"${OTHER}"}`, 'JSON'],
]
test.each(BODIES)(
  'api - a body is refused with its place and what was expected: %s',
  async (_, body, words) => {
    const { requestId } = await holdAction(scene.agent)
    const response = await scene.post(`/v1/requests/${requestId}/reviews`, 'bob', body)
    expect(await response.clone().text()).toContain(words)
    expect(await refusal(response)).toEqual([400, 'INVALID_INPUT'])
    expect((await scene.show(requestId)).summary.state).toBe('pending')
  },
)

test('api - a body that is too large is refused, whether it says so or not', async () => {
  const { requestId } = await holdAction(scene.agent)
  const path = `/v1/requests/${requestId}/reviews`
  const large = JSON.stringify({ verdict: 'deny', renderHash: OTHER, reason: 'x'.repeat(65_536) })
  expect(await refusal(await scene.post(path, 'bob', large))).toEqual([413, 'PAYLOAD_TOO_LARGE'])
  expect(await refusal(await scene.post(path, 'bob', '{}', { 'content-length': '65537' }))).toEqual([
    413,
    'PAYLOAD_TOO_LARGE',
  ])
})

test('api - what a page of somebody else can post is not taken', async () => {
  const { requestId } = await holdAction(scene.agent)
  const { renderHash } = await scene.show(requestId)
  const body = JSON.stringify({ verdict: 'approve', renderHash })
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    'text/json',
    '',
  ])
    expect(
      await refusal(
        await scene.post(`/v1/requests/${requestId}/reviews`, 'bob', body, { 'content-type': type }),
      ),
    ).toEqual([415, 'INVALID_INPUT'])
  const zipped = { 'content-encoding': 'gzip' }
  expect(await refusal(await scene.post(`/v1/requests/${requestId}/reviews`, 'bob', body, zipped))).toEqual([
    415,
    'INVALID_INPUT',
  ])
  const foreign = { origin: 'https://evil.example', cookie: `session=${scene.house.token('bob')}` }
  expect(
    await refusal(await scene.post(`/v1/requests/${requestId}/reviews`, undefined, body, foreign)),
  ).toEqual([401, 'UNAUTHENTICATED'])
  expect((await scene.show(requestId)).summary.state).toBe('pending')
})
