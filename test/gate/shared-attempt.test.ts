import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { GateAttempt } from '#gate'
import { attempt, type Scene, startScene } from '../support/gate-scene.ts'
import type { ScriptedRequest } from '../support/scripted-broker.ts'

let scene: Scene
beforeEach(async () => {
  scene = await startScene()
  // As the real one does: the same attempt of the same action is the same request.
  scene.broker.intercept = ({ name }, honest) => {
    if (name !== 'request' || scene.broker.requests.length < 2) return honest
    scene.broker.requests.length = 1
    return first
  }
})
afterEach(() => scene.stop())

let first: Record<string, unknown>
const request = () => scene.broker.requests[0] as ScriptedRequest
const asked = (call: string) => scene.broker.calls.filter(({ name }) => name === call).length

/** Two callers of one attempt, both of which wait; nobody traces, so their actions are the same. */
async function two() {
  const given: GateAttempt = attempt()
  const inner = scene.broker.intercept
  scene.broker.intercept = (call, honest) => {
    if (call.name === 'request' && scene.broker.requests.length === 1) first = honest
    return inner(call, honest)
  }
  const callers = [new AbortController(), new AbortController()] as const
  const run = vi.fn(() => 'ran')
  const held = []
  for (const { signal } of callers) {
    const before = asked('claim')
    held.push(scene.gate.hold({ ...given, signal }, run))
    await vi.waitFor(() => expect(asked('claim')).toBeGreaterThan(before))
  }
  return { callers, held: held as [(typeof held)[0], (typeof held)[0]], run }
}

test('gate - one of two callers of an attempt goes away, and the other still gets its approval', async () => {
  const { callers, held, run } = await two()
  callers[0].abort()
  expect(await held[0]).toMatchObject({ ran: false, refusal: { code: 'APPROVAL_CANCELLED' } })
  expect(asked('cancel')).toBe(0)
  scene.broker.decide(request(), 'approved')
  expect(await held[1]).toEqual({ ran: true, value: 'ran' })
  expect(run).toHaveBeenCalledTimes(1)
  expect(asked('cancel')).toBe(0)
})

test('gate - when the second of them goes away as well, the request is cancelled, once', async () => {
  const { callers, held } = await two()
  for (const caller of callers) caller.abort()
  for (const one of held) expect(await one).toMatchObject({ ran: false })
  await vi.waitFor(() => expect(request().state).toBe('cancelled'))
  expect(asked('cancel')).toBe(1)
})

test('gate - both stay, and one approval is still one execution', async () => {
  const { held, run } = await two()
  scene.broker.decide(request(), 'approved')
  const ends = await Promise.all(held)
  expect(ends.filter(({ ran }) => ran)).toHaveLength(1)
  expect(run).toHaveBeenCalledTimes(1)
  expect(ends.find(({ ran }) => !ran)).toMatchObject({ refusal: { code: 'ALREADY_SPENT' } })
})
