import { describe, expect, test } from 'vitest'
import type { PendingApproval } from '#instrumentation'
import { decidedInterrupts } from '../../../instrumentation/langchain/index.ts'
import { COPIES, consumed, decide, interruptedGraphs, useScene } from './interrupted.ts'

useScene()

describe.each(COPIES)('the %s copy', (_name, sdk) => {
  const { execute, restored, interrupted } = interruptedGraphs(sdk)

  // What people declined must not run because a graph goes on.
  test.each([
    ['denied', /APPROVAL_DENIED.*Audit first/s],
    ['expired', /APPROVAL_EXPIRED/],
  ] as const)('interrupt - a call that was %s never runs when its graph goes on', async (how, why) => {
    const { agent, interrupts } = await interrupted(1, 2)
    decide(0, how, 'Audit first')
    decide(1, 'approved')
    await agent.resume((await decidedInterrupts(interrupts)).resume)
    expect(agent.outputs()).toMatchObject({
      'call-1': { isError: true, text: expect.stringMatching(why) },
      'call-2': { text: 'exported 2' },
    })
    expect(execute.mock.calls.map(([given]) => given)).toEqual([{ limit: 2 }])
  })

  test.each<[string, (first: PendingApproval, second: PendingApproval) => unknown]>([
    ['true', () => true],
    ['the answer of another middleware', () => ({ decisions: [{ type: 'approve' }] })],
    ['the approval of another call', (_first, second) => second],
    [
      'another request that says it is this call',
      (first, second) => ({ ...second, action: first.action, attempt: first.attempt }),
    ],
    ['the id of another request', (first, second) => ({ ...first, requestId: second.requestId })],
    [
      'other arguments',
      (first) => ({ ...first, action: { ...first.action, arguments: { limit: 1_000_000 } } }),
    ],
    ['another tool', (first) => ({ ...first, action: { ...first.action, name: 'lookup_customers' } })],
    ['another call', (first) => ({ ...first, attempt: 'call-2' })],
    ['a made-up approval', (first) => ({ ...first, requestId: '1-none', salt: 'A'.repeat(22) })],
    ['nothing', () => null],
  ])('interrupt - a caller that resumes with %s runs nothing', async (_what, forge) => {
    const { agent, interrupts } = await interrupted(1, 2)
    const [first, second] = interrupts as [(typeof interrupts)[0], (typeof interrupts)[0]]
    decide(1, 'approved')
    await agent.resume({ [first.id]: forge(first.value, second.value) })
    expect(execute).not.toHaveBeenCalled()
    expect(consumed()).toBe(0)
  })

  test('interrupt - one approval runs one call once, from however many copies of the graph', async () => {
    const { agent, interrupts } = await interrupted(1)
    const copies = [restored(agent), restored(agent)]
    decide(0, 'approved')
    const { resume } = await decidedInterrupts(interrupts)
    await Promise.all(copies.map((copy) => copy.resume(resume)))
    const texts = copies.map((copy) => copy.outputs()['call-1']?.text).sort()
    expect(texts).toEqual([expect.stringMatching(/ALREADY_SPENT/), 'exported 1'])
    expect(execute).toHaveBeenCalledTimes(1)
  })
})
