import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { hold, useGate } from '#instrumentation'
import { type Scene, startScene } from '../support/gate-scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.stop())
afterEach(() => useGate(undefined))

const action = { kind: 'tool', name: 'export_customers', arguments: { limit: 1 } }

test('hold - in a process without a gate nothing runs, and the error says what to do', async () => {
  const run = vi.fn()
  await expect(hold(action, run)).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringMatching(/--import/),
  })
  expect(run).not.toHaveBeenCalled()
})

test('hold - the wrapped call gets the approved arguments, and its value comes back', async () => {
  useGate(scene.gate)
  scene.broker.onRequest = () => 'approved'
  expect(await hold(action, (approved) => approved)).toEqual({ ran: true, value: { limit: 1 } })
})

test('hold - a refusal is a value with a stable code and a message for the model', async () => {
  useGate(scene.gate)
  scene.broker.onRequest = () => 'denied'
  const run = vi.fn()
  expect(await hold(action, run)).toMatchObject({
    ran: false,
    refusal: { code: 'APPROVAL_DENIED', message: expect.stringMatching(/Do not send it again/) },
  })
  expect(run).not.toHaveBeenCalled()
})
