import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { attempt, type Scene, startScene } from '../support/gate-scene.ts'

let scene: Scene
let aheadMs = 0
beforeEach(async () => {
  aheadMs = 0
  scene = await startScene({ now: () => Date.now() + aheadMs })
  await vi.waitFor(async () => expect(await lookup()).toMatchObject({ ran: true }))
})
afterEach(() => scene.stop())

const lookup = () => scene.gate.hold(attempt({ name: 'lookup_customer' }), () => 'found')
const asked = () => scene.broker.calls.filter(({ name }) => name === 'request').length
const hold = () => scene.gate.hold(attempt(), () => 'ran')

function refuseFor(retryAfterMs: number): void {
  scene.broker.intercept = ({ name }, honest) =>
    name === 'request'
      ? { status: 'denied', code: 'TOO_MANY', reason: 'The quota is used up.', rule: '', retryAfterMs }
      : honest
}

test('gate - refused for a while, it asks nobody until then, and tells the model to stop', async () => {
  refuseFor(5_000)
  expect(await hold()).toMatchObject({
    ran: false,
    refusal: { code: 'TOO_MANY', reason: 'The quota is used up.' },
  })
  const before = asked()
  aheadMs += 4_900
  const refused = await hold()
  expect(refused).toMatchObject({
    ran: false,
    refusal: { code: 'TOO_MANY', reason: 'The quota is used up.' },
  })
  expect(refused.ran ? '' : refused.refusal.message).toMatch(/do not retry this/)
  expect(asked()).toBe(before)
  expect(await lookup()).toMatchObject({ ran: true })
  scene.broker.onRequest = () => 'approved'
  scene.broker.intercept = (_, honest) => honest
  aheadMs += 101
  expect(await hold()).toEqual({ ran: true, value: 'ran' })
})

test.each([Number.MAX_SAFE_INTEGER, 61_000])(
  'gate - a broker that says %d ms is asked again after a minute',
  async (ms) => {
    refuseFor(ms)
    await hold()
    const before = asked()
    aheadMs += 59_000
    await hold()
    expect(asked()).toBe(before)
    aheadMs += 1_001
    await hold()
    expect(asked()).toBe(before + 1)
  },
)

test('gate - a clock that is put back does not make it refuse for ever', async () => {
  refuseFor(5_000)
  await hold()
  const before = asked()
  aheadMs -= 3_000
  await hold()
  expect(asked()).toBe(before + 1)
})

test.each([-1, 1.5, '5000', null])('gate - a time of %j is no answer, and refuses', async (retryAfterMs) => {
  refuseFor(retryAfterMs as number)
  expect(await hold()).toMatchObject({ ran: false, refusal: { code: 'BROKER_UNAVAILABLE' } })
})

test('gate - a call that the broker did not even read is asked again', async () => {
  let refused = 0
  scene.broker.onRequest = () => 'approved'
  scene.broker.intercept = ({ name }, honest) =>
    (name === 'request' || name === 'claim') && refused++ % 2 === 0
      ? { error: { code: 'TOO_MANY', message: 'Too many at once; try again later.' } }
      : honest
  expect(await hold()).toEqual({ ran: true, value: 'ran' })
})

test('gate - a broker that never reads it is refused by that name', async () => {
  scene.broker.intercept = ({ name }, honest) =>
    name === 'request' ? { error: { code: 'TOO_MANY', message: 'Too many at once.' } } : honest
  expect(await hold()).toMatchObject({ ran: false, refusal: { code: 'TOO_MANY' } })
})
