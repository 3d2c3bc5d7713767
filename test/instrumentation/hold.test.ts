import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { hold, type PendingApproval, requestApproval, resume, useGate, withdraw } from '#instrumentation'
import { type Scene, startScene } from '../support/gate-scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.stop())
afterEach(() => {
  useGate(undefined)
  scene.broker.onRequest = () => undefined
})

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

test('requestApproval - what waits for people goes on from JSON, once', async () => {
  useGate(scene.gate)
  const asked = await requestApproval(action)
  if (asked.status !== 'pending') throw new Error(asked.status)
  const approval: PendingApproval = JSON.parse(JSON.stringify(asked.approval))
  const run = vi.fn(({ limit }: { limit: number }) => `exported ${limit}`)
  expect(await resume(approval, run)).toEqual({ ran: false, pending: approval })
  scene.broker.decide(scene.broker.requests.at(-1) as never, 'approved')
  expect(await resume(approval, run)).toEqual({ ran: true, value: 'exported 1' })
  expect(await resume(approval, run)).toMatchObject({ ran: false, refusal: { code: 'ALREADY_SPENT' } })
  expect(run).toHaveBeenCalledTimes(1)
})

test('requestApproval - what is withdrawn is not run', async () => {
  useGate(scene.gate)
  const asked = await requestApproval(action)
  if (asked.status !== 'pending') throw new Error(asked.status)
  await withdraw(asked.approval)
  const run = vi.fn()
  expect(await resume(asked.approval, run)).toMatchObject({ refusal: { code: 'APPROVAL_CANCELLED' } })
  expect(run).not.toHaveBeenCalled()
})

test.each([
  ['requestApproval', () => requestApproval(action)],
  ['resume', () => resume({} as PendingApproval, () => {})],
  ['withdraw', () => withdraw({} as PendingApproval)],
])('%s - in a process without a gate it is refused', async (_name, call) => {
  await expect(call()).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
})

test('hold - a wrong use does not compile', () => {
  const wrong = async () => {
    // @ts-expect-error An action has a name.
    await hold({ kind: 'tool', arguments: {} }, () => {})
    // @ts-expect-error What is asked is what runs: the arguments stand in the action.
    await hold({ kind: 'tool', name: 'x' }, () => {})
    // @ts-expect-error A date is not JSON: what people approve could not be compared with what runs.
    await hold({ kind: 'tool', name: 'x', arguments: { at: new Date() } }, () => {})
    // @ts-expect-error Nor is a function.
    await hold({ kind: 'tool', name: 'x', arguments: { sum: () => 1 } }, () => {})
    // @ts-expect-error Arguments have one form.
    await hold({ kind: 'tool', name: 'x', arguments: {}, argumentsText: '{}' }, () => {})
    // @ts-expect-error The approved arguments are those that were asked for.
    await hold({ kind: 'tool', name: 'x', arguments: { limit: 1 } }, ({ all }: { all: boolean }) => all)
    const held = await hold({ kind: 'tool', name: 'x', arguments: { limit: 1 } }, ({ limit }) => limit)
    // @ts-expect-error It may not have run.
    held.value.toFixed()
    const asked = await requestApproval({ kind: 'tool', name: 'x', arguments: {} })
    // @ts-expect-error Policy may have answered at once.
    await resume(asked.approval, () => {})
    const resumed = await resume({} as PendingApproval, () => 1)
    // @ts-expect-error It may still be waited for.
    if (!resumed.ran) resumed.refusal.message
  }
  expect(wrong).toBeTypeOf('function')
})
