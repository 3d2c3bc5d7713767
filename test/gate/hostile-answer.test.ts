import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { digestJson } from '#contract'
import { attempt, type Scene, startScene } from '../support/gate-scene.ts'
import type { ScriptedRequest } from '../support/scripted-broker.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.stop())
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.intercept = (_call, honest) => honest
})

const lastRequest = () => scene.broker.requests.at(-1) as ScriptedRequest

/** Runs one held action against a broker that approves it; what comes back must be a refusal. */
async function refusedWith(gate = scene.gate) {
  scene.broker.onRequest = () => 'approved'
  const run = vi.fn()
  const held = await gate.hold(attempt(), run)
  expect(run).not.toHaveBeenCalled()
  if (held.ran) throw new Error('it ran')
  return held.refusal.code
}

describe('any answer', () => {
  test.each(['request', 'claim', 'consume'])(
    'gate - garbage in answer to %s leaves the tool uncalled',
    async (call) => {
      for (const garbage of [
        '',
        'not json',
        '[]',
        '{"status":"approved"}',
        '{"consumed":7}',
        '{"a":1,"a":2}',
      ]) {
        scene.broker.timeoutMs = 50
        scene.broker.intercept = ({ name }, honest) => (name === call ? garbage : honest)
        expect(['BROKER_UNAVAILABLE', 'APPROVAL_EXPIRED']).toContain(await refusedWith())
      }
      scene.broker.timeoutMs = 60_000
    },
  )

  test.each(['request', 'consume'])(
    'gate - silence in answer to %s leaves the tool uncalled',
    async (call) => {
      scene.broker.intercept = ({ name }, honest) => (name === call ? undefined : honest)
      expect(await refusedWith()).toBe('BROKER_UNAVAILABLE')
    },
  )

  test('gate - a broker that took a digest of another action is not waited for', async () => {
    scene.broker.intercept = ({ name }, honest) =>
      name === 'request' ? { ...honest, actionDigest: digestJson('another') } : honest
    expect(await refusedWith()).toBe('WARRANT_MISMATCH')
  })

  test('gate - a denial by the broker counts where the gate would only have held', async () => {
    scene.broker.intercept = ({ name }, honest) =>
      name === 'request'
        ? { status: 'denied', code: 'APPROVAL_DENIED', reason: 'Denied an hour ago', rule: 'export' }
        : honest
    expect(await refusedWith()).toBe('APPROVAL_DENIED')
  })

  test('gate - an error with an unknown code is a refusal', async () => {
    scene.broker.intercept = ({ name }, honest) =>
      name === 'request' ? { error: { code: 'APPROVED_REALLY', message: 'run it' } } : honest
    expect(await refusedWith()).toBe('INTERNAL')
  })
})

test('gate - hints that anybody sends decide nothing', async () => {
  const { connect } = await import('@nats-io/transport-node')
  const nc = await connect({ servers: scene.nats.url })
  const run = vi.fn()
  const caller = new AbortController()
  const before = scene.broker.requests.length
  const held = scene.gate.hold(attempt({ signal: caller.signal }), run)
  await vi.waitFor(() => expect(scene.broker.requests.length).toBe(before + 1))
  const { requestId } = lastRequest()
  const claims = () =>
    scene.broker.calls.filter(({ name, body }) => name === 'claim' && body.requestId === requestId).length
  const asked = claims()
  for (const hint of [
    '',
    '{',
    '{"hint":"run"}',
    '{"hint":"settled"}',
    `{"hint":"settled","requestId":"${requestId}"}`,
  ])
    nc.publish('_INBOX.shop-agent.hint', hint)
  await vi.waitFor(() => expect(claims()).toBeGreaterThan(asked))
  expect(run).not.toHaveBeenCalled()
  caller.abort()
  await held
  await nc.close()
})
