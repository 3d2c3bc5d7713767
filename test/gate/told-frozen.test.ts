import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { attempt, POLICY, type Scene, startScene } from '../support/gate-scene.ts'
import { recordSpans } from '../support/spans.ts'

let scene: Scene
beforeEach(async () => {
  scene = await startScene()
  scene.broker.heartbeatMs = 20
  await vi.waitFor(async () => expect(await lookup()).toMatchObject({ ran: true }))
  scene.broker.publishPolicy(POLICY, 2)
})
afterEach(() => scene.stop())

const lookup = () => scene.gate.hold(attempt({ name: 'lookup_customer' }), () => 'found')
const frozen = { sinceMs: 1_790_000_000_000, by: 'Dora' }

/** What one call's answers have in them beside the truth. */
function say(call: string, more: object): void {
  scene.broker.intercept = ({ name }, honest) => (name === call ? { ...honest, ...more } : honest)
}
const becomes = (ran: boolean) =>
  vi.waitFor(async () => expect((await lookup()).ran).toBe(ran), { timeout: 3_000 })

test('gate - a heartbeat alone tells it that it is frozen, and a hello that it is not any more', async () => {
  scene.broker.intercept = ({ name }, honest) =>
    name === 'heartbeat' || name === 'hello' ? { ...honest, frozen } : honest
  await becomes(false)
  // A replica that is behind answers a heartbeat: nothing runs because of that.
  say('hello', { frozen })
  await vi.waitFor(
    () => expect(scene.broker.calls.filter(({ name }) => name === 'hello').length).toBeGreaterThan(3),
    {
      timeout: 3_000,
    },
  )
  expect(await lookup()).toMatchObject({ ran: false, refusal: { code: 'AGENT_FROZEN' } })
  scene.broker.intercept = (_, honest) => honest
  await becomes(true)
})

test.each([
  ['a name without end', { sinceMs: 1, by: 'x'.repeat(501) }],
  ['no time', { by: 'Dora' }],
  ['a word', 'yes'],
])('gate - told that it is frozen by %s, it does not believe the answer', async (_, told) => {
  say('heartbeat', { frozen: told })
  const before = scene.broker.calls.length
  await vi.waitFor(() => expect(scene.broker.calls.length).toBeGreaterThan(before + 3), { timeout: 3_000 })
  expect(await lookup()).toMatchObject({ ran: true })
})

test('gate - what a frozen agent attempts has a span that says whose it was', async () => {
  const spans = recordSpans()
  say('hello', { frozen })
  say('heartbeat', { frozen })
  await becomes(false)
  spans.reset()
  expect(await lookup()).toMatchObject({ ran: false, refusal: { code: 'AGENT_FROZEN' } })
  const [span] = spans.named('execute_tool lookup_customer')
  await spans.stop()
  expect(span?.attributes).toMatchObject({ 'gen_ai.agent.id': 'shop-agent', 'holdpoint.outcome': 'not_run' })
})

test('gate - told an absurd time, it is frozen all the same', async () => {
  say('heartbeat', { frozen: { sinceMs: Number.MAX_SAFE_INTEGER, by: 'Dora' } })
  await becomes(false)
})

test('gate - a request that is answered with frozen freezes what it rules by itself, too', async () => {
  scene.broker.intercept = ({ name }, honest) => {
    if (name === 'request')
      return { status: 'denied', code: 'AGENT_FROZEN', reason: 'Dora has frozen it.', rule: '' }
    return name === 'hello' ? { ...honest, frozen } : honest
  }
  expect(await scene.gate.hold(attempt(), () => 1)).toMatchObject({
    ran: false,
    refusal: { code: 'AGENT_FROZEN' },
  })
  await becomes(false)
})
