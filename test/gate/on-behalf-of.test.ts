import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { attempt, POLICY, type Scene, startScene } from '../support/gate-scene.ts'

const RULES = `rules:
  - id: nobody-for-mallory
    match: { kind: tool, name: "lookup_*" }
    when: onBehalfOf.exists(p, p.sub == "mallory")
    effect: deny
  - id: only-for-itself
    match: { kind: tool, name: read_own }
    when: onBehalfOf.size() == 0
    effect: allow
`

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
  scene.broker.publishPolicy(POLICY.replace('rules:\n', RULES), 2)
  await vi.waitFor(async () =>
    expect(await scene.gate.hold(attempt({ name: 'read_own' }), () => 1)).toMatchObject({ ran: true }),
  )
})
afterAll(() => scene.stop())
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.intercept = (_call, honest) => honest
  scene.broker.requests.length = 0
})

test.each(['lookup_customer', 'read_own'])(
  'gate - %s for people whose tokens it cannot verify is for the broker to rule on',
  async (name) => {
    scene.broker.intercept = ({ name: call }, honest) =>
      call === 'request'
        ? { status: 'denied', code: 'POLICY_DENIED', reason: 'Not for mallory.', rule: 'nobody-for-mallory' }
        : honest
    const run = vi.fn()
    const held = await scene.gate.hold(attempt({ name, onBehalfOf: ['token-of-mallory'] }), run)
    expect(held).toMatchObject({ ran: false, refusal: { code: 'POLICY_DENIED', reason: 'Not for mallory.' } })
    expect(run).not.toHaveBeenCalled()
  },
)

test.each<[string[] | undefined]>([[undefined], [[]]])(
  'gate - for nobody, %j, it rules by itself',
  async (onBehalfOf) => {
    for (const name of ['lookup_customer', 'read_own'])
      expect(
        await scene.gate.hold(attempt({ name, ...(onBehalfOf && { onBehalfOf }) }), () => 'ran'),
      ).toEqual({
        ran: true,
        value: 'ran',
      })
    expect(scene.broker.requests).toEqual([])
  },
)

test('gate - people who are in no rule’s way change nothing', async () => {
  const given = attempt({ name: 'issue_refund', arguments: { amount: 1 }, onBehalfOf: ['token'] })
  expect(await scene.gate.hold(given, () => 'ran')).toEqual({ ran: true, value: 'ran' })
  expect(scene.broker.requests).toEqual([])
})
