import { describe, expect, test, vi } from 'vitest'
import { requestInterruptions, resumeInterruptions } from '../../../instrumentation/openai-agents/index.ts'
import {
  COPIES,
  consumed,
  decide,
  interruptible,
  pending,
  type Saved,
  scene,
  useScene,
} from './interrupted.ts'

useScene()

describe.each(COPIES)('the %s copy', (_name, sdk) => {
  const { execute, interrupt, goOn } = interruptible(sdk)

  test('interruptions - one approval runs one call once, from however many copies of the record', async () => {
    const saved = await interrupt(1)
    decide(0, 'approved')
    const [first, second] = [await goOn(saved), await goOn(saved)]
    expect(first.outputs['call-1']?.text).toBe('exported 1')
    expect(second.outputs['call-1']?.text).toMatch(/ALREADY_SPENT/)
    expect(execute).toHaveBeenCalledTimes(1)
  })

  test.each<[string, (saved: Saved) => unknown]>([
    [
      'the approval of another call',
      ({ held }) => Object.assign(held.calls['call-1'] as object, { approval: pending(held, 'call-2') }),
    ],
    [
      'the id of another request',
      ({ held }) => Object.assign(pending(held, 'call-1'), { requestId: pending(held, 'call-2').requestId }),
    ],
    [
      'another request that says it is this call',
      ({ held }) =>
        Object.assign(pending(held, 'call-1'), {
          ...pending(held, 'call-2'),
          attempt: 'call-1',
          action: pending(held, 'call-1').action,
        }),
    ],
    [
      'other arguments',
      ({ held }) => Object.assign(pending(held, 'call-1').action, { arguments: { limit: 1_000_000 } }),
    ],
    [
      'another tool',
      ({ held }) => Object.assign(pending(held, 'call-1').action, { name: 'lookup_customers' }),
    ],
    [
      'nothing that is an approval',
      ({ held }) => Object.assign(held.calls['call-1'] as object, { approval: null }),
    ],
  ])('interruptions - a record with %s runs nothing', async (_what, change) => {
    const saved = await interrupt(1, 2)
    decide(1, 'approved')
    change(saved)
    delete saved.held.calls['call-2']
    const result = await goOn(saved)
    expect(result.waiting).toEqual(['call-2'])
    expect(result.decided).toEqual(['call-1'])
    expect(execute).not.toHaveBeenCalled()
    expect(consumed()).toBe(0)
  })

  test('interruptions - a state with other arguments than were approved runs nothing', async () => {
    const saved = await interrupt(1)
    decide(0, 'approved')
    const state = saved.state.replaceAll('{\\"limit\\":1}', '{\\"limit\\":1000000}')
    expect(state).not.toBe(saved.state)
    // Some such states the SDK itself refuses to read.
    const result = await goOn({ ...saved, state }).catch(() => undefined)
    if (result !== undefined) expect(result.outputs['call-1']?.text).toMatch(/WARRANT_MISMATCH/)
    expect(execute).not.toHaveBeenCalled()
    expect(consumed()).toBe(0)
  })

  test('interruptions - a call that the program itself approves is held before it runs', async () => {
    const saved = await interrupt(1)
    scene.broker.onRequest = () => 'denied'
    const result = await goOn({ ...saved, held: { v: 1, calls: {} } }, (state) => {
      for (const item of state.getInterruptions()) state.approve(item)
    })
    expect(result.outputs['call-1']?.text).toMatch(/APPROVAL_DENIED/)
    expect(execute).not.toHaveBeenCalled()
  })
})

const call = (agent: object, callId = 'call-1') => ({
  agent,
  rawItem: { type: 'function_call', callId, name: 'export_customers', arguments: '{"limit":1}' },
})

test('interruptions - a tool that no gate stands before is said to be one, and nobody is asked', async () => {
  const bare = {
    name: 'Clerk',
    tools: [],
    getAllTools: async () => [{ type: 'function', name: 'export_customers' }],
  }
  const asked = requestInterruptions({ interruptions: [call(bare)], state: { _context: {} } })
  await expect(asked).rejects.toMatchObject({ code: 'INVALID_CONFIG', message: /export_customers of Clerk/ })
  expect(scene.broker.requests).toEqual([])
})

test('interruptions - an id that names a property of every object is an id like another', async () => {
  const state = {
    _context: {},
    getInterruptions: () => [call({ name: 'Clerk' }, '__proto__')],
    approve: vi.fn(),
    reject: vi.fn(),
  }
  const resumed = await resumeInterruptions(state, { v: 1, calls: {} })
  expect(resumed).toEqual({ decided: [], waiting: ['__proto__'] })
  expect(state.approve).not.toHaveBeenCalled()
})
