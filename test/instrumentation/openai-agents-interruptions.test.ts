import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Agent, RunState } from '@openai/agents-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { instrumentations, useGate } from '#instrumentation'
import {
  type HeldCall,
  type HeldInterruptions,
  requestInterruptions,
  resumeInterruptions,
} from '../../instrumentation/openai-agents/index.ts'
import { agentEnvironment, startAgent } from '../support/agent-process.ts'
import { type Scene, startScene } from '../support/gate-scene.ts'
import { type RecordedSpans, recordSpans } from '../support/spans.ts'
import { driver, outputsOf, type Sdk } from './drivers/openai-agents.ts'

const [esm, cjs] = (await Promise.all(driver.copies.map(({ load }) => load()))) as [Sdk, Sdk]
let scene: Scene
let spans: RecordedSpans
beforeAll(async () => {
  spans = recordSpans()
  scene = await startScene({ config: { requestTimeoutMs: 300 } })
  useGate(scene.gate)
  for (const { agents } of [esm, cjs]) {
    agents.setTracingDisabled(true)
    instrumentations.find(({ name }) => name === 'openai-agents')?.patch(agents as never, scene.gate)
  }
})
afterAll(async () => {
  useGate(undefined)
  await scene.stop()
  await spans.stop()
})
beforeEach(() => spans.reset())
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.intercept = (_call, honest) => honest
  for (const told of ['requests', 'calls', 'outcomes'] as const) scene.broker[told].length = 0
})

const decide = (index: number, ...how: ['approved' | 'denied' | 'expired', string?]) =>
  scene.broker.decide(scene.broker.requests[index] as never, ...how)
const consumed = () => scene.broker.calls.filter(({ name }) => name === 'consume').length
const pending = (held: HeldInterruptions, callId: string) =>
  (held.calls[callId] as Extract<HeldCall, { status: 'pending' }>).approval

type AnyState = RunState<unknown, Agent>

/** What lies in a store between two processes. */
interface Saved {
  state: string
  held: HeldInterruptions
}

describe.each([
  ['ESM', esm],
  ['CommonJS', cjs],
])('the %s copy', (_name, { agents, testing }) => {
  const { ScriptedModel, functionCall, assistantMessage } = testing
  const execute = vi.fn(async ({ limit }: { limit: number }) => `exported ${limit}`)
  beforeEach(() => void execute.mockClear())

  const exportTool = () =>
    agents.tool({
      name: 'export_customers',
      description: 'Exports customers',
      parameters: z.object({ limit: z.number() }),
      needsApproval: true,
      execute,
    })
  const agentWith = (model: InstanceType<typeof ScriptedModel>) =>
    new agents.Agent({ name: 'Clerk', model, tools: [exportTool()] })

  /** Runs until the SDK interrupts, asks, and keeps what a program would keep. */
  async function interrupt(...limits: number[]): Promise<Saved> {
    const calls = limits.map((limit) =>
      functionCall('export_customers', { limit }, { callId: `call-${limit}` }),
    )
    const result = await agents.run(agentWith(new ScriptedModel([calls])), 'go')
    const held = await requestInterruptions(result)
    expect(result.interruptions).toHaveLength(limits.length)
    return JSON.parse(JSON.stringify({ state: result.state.toString(), held }))
  }

  /** Another process, as far as objects go. */
  async function goOn({ state: text, held }: Saved, approveBefore = (_state: AnyState) => {}) {
    const model = new ScriptedModel([[assistantMessage('done')]])
    const agent = agentWith(model)
    const state = await agents.RunState.fromString(agent, text)
    approveBefore(state)
    const resumed = await resumeInterruptions(state, held)
    const result = await agents.run(agent, state)
    const saved = { state: result.state.toString(), held }
    // The SDK complains of a question for the output of a run that has none yet.
    const finalOutput = result.interruptions.length > 0 ? undefined : result.finalOutput
    return { ...resumed, finalOutput, outputs: outputsOf(model), saved }
  }

  test('interruptions - what was interrupted is asked, and nobody waits for it', async () => {
    const { held } = await interrupt(1)
    expect(scene.broker.requests).toMatchObject([
      { state: 'pending', attempt: { attempt: 'call-1', action: { kind: 'tool', arguments: { limit: 1 } } } },
    ])
    expect(scene.broker.requests[0]?.process).toBeUndefined()
    expect(pending(held, 'call-1').requestId).toBe(scene.broker.requests[0]?.requestId)
    expect(execute).not.toHaveBeenCalled()
  })

  test('interruptions - a call that nobody has decided stays interrupted', async () => {
    const result = await goOn(await interrupt(1))
    expect(result).toMatchObject({ decided: [], waiting: ['call-1'], finalOutput: undefined })
    expect(execute).not.toHaveBeenCalled()
    expect(scene.broker.requests).toHaveLength(1)
  })

  test('interruptions - an approved call runs under its approval, and nobody is asked again', async () => {
    const saved = await interrupt(1)
    decide(0, 'approved')
    const result = await goOn(saved)
    expect(result).toMatchObject({ decided: ['call-1'], waiting: [], finalOutput: 'done' })
    expect(result.outputs).toEqual({ 'call-1': { text: 'exported 1' } })
    expect(execute.mock.calls.map(([given]) => given)).toEqual([{ limit: 1 }])
    expect(scene.broker.requests).toHaveLength(1)
    expect(consumed()).toBe(1)
    expect(spans.named('execute_tool export_customers')[0]?.attributes).toMatchObject({
      'gen_ai.agent.name': 'Clerk',
      'gen_ai.tool.call.id': 'call-1',
      'holdpoint.approval.decision': 'approved',
      'holdpoint.outcome': 'executed',
    })
  })

  test('interruptions - of two, each is decided by itself, and the other later', async () => {
    const saved = await interrupt(1, 2)
    decide(1, 'approved')
    const first = await goOn(saved)
    expect(first).toMatchObject({ decided: ['call-2'], waiting: ['call-1'], finalOutput: undefined })
    expect(execute.mock.calls.map(([given]) => given)).toEqual([{ limit: 2 }])
    decide(0, 'denied', 'Audit first')
    const second = await goOn(first.saved)
    expect(second).toMatchObject({ decided: ['call-1'], waiting: [], finalOutput: 'done' })
    expect(second.outputs).toMatchObject({
      'call-1': { text: expect.stringMatching(/APPROVAL_DENIED.*Audit first/s) },
      'call-2': { text: 'exported 2' },
    })
    expect(execute).toHaveBeenCalledTimes(1)
    expect(scene.broker.requests).toHaveLength(2)
  })

  test.each([
    ['denied', /APPROVAL_DENIED.*Audit first/s],
    ['expired', /APPROVAL_EXPIRED/],
  ] as const)(
    'interruptions - a call that was %s never runs, however often it is resumed',
    async (how, why) => {
      const saved = await interrupt(1)
      decide(0, how, 'Audit first')
      for (const time of [1, 2]) {
        const result = await goOn(saved)
        expect(result.outputs, `time ${time}`).toMatchObject({
          'call-1': { text: expect.stringMatching(why) },
        })
      }
      expect(execute).not.toHaveBeenCalled()
    },
  )

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

  test('interruptions - where the broker does not answer, nothing is decided', async () => {
    const saved = await interrupt(1)
    decide(0, 'approved')
    scene.broker.intercept = ({ name }, honest) => (name === 'claim' ? undefined : honest)
    expect(await goOn(saved)).toMatchObject({ decided: [], waiting: ['call-1'] })
    scene.broker.intercept = (_call, honest) => honest
    expect((await goOn(saved)).outputs['call-1']?.text).toBe('exported 1')
  })

  test('interruptions - guardrails before the SDK’s own question ask nobody, and those after it do', async () => {
    const toolExecution = { preApprovalInputGuardrails: true }
    const model = new ScriptedModel([[functionCall('export_customers', { limit: 1 }, { callId: 'call-1' })]])
    const result = await agents.run(agentWith(model), 'go', { toolExecution })
    expect(result.interruptions).toHaveLength(1)
    expect(scene.broker.requests).toEqual([])
    for (const item of result.interruptions) result.state.approve(item)
    scene.broker.onRequest = () => 'denied'
    model.enqueue([assistantMessage('done')])
    await agents.run(agentWith(model), result.state, { toolExecution })
    expect(scene.broker.requests).toHaveLength(1)
    expect(execute).not.toHaveBeenCalled()
  })

  test('interruptions - a call of an agent that is another one’s tool goes on as well', async () => {
    const inner = new ScriptedModel([[functionCall('export_customers', { limit: 1 }, { callId: 'inner' })]])
    const outer = new ScriptedModel([[functionCall('lookup_clerk', { input: 'go' }, { callId: 'outer' })]])
    const asTool = agentWith(inner).asTool({ toolName: 'lookup_clerk', toolDescription: 'asks' })
    const boss = new agents.Agent({ name: 'Boss', model: outer, tools: [asTool] })
    const result = await agents.run(boss, 'go')
    const held = await requestInterruptions(result)
    expect(Object.keys(held.calls)).toEqual(['inner'])
    decide(0, 'approved')
    const state = await agents.RunState.fromString(boss, result.state.toString())
    await resumeInterruptions(state, held)
    inner.enqueue([assistantMessage('exported')])
    outer.enqueue([assistantMessage('done')])
    expect((await agents.run(boss, state)).finalOutput).toBe('done')
    expect(execute).toHaveBeenCalledTimes(1)
    expect(scene.broker.requests).toHaveLength(1)
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

test('interruptions - a held run outlives its process, and each of its calls is as people decided', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-run-'))
  const file = join(dir, 'run.json')
  const { env, remove } = agentEnvironment(scene.broker, scene.nats.url)
  const run = async (mode: string) => {
    const app = 'test/instrumentation/apps/interrupted.mjs'
    const { code, stdout, stderr } = await startAgent(app, env, { args: [mode, file] }).ended
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    return JSON.parse(stdout)
  }
  try {
    expect(await run('ask')).toEqual({ interrupted: 2, called: [] })
    const [first, second] = scene.broker.requests
    expect([first?.state, second?.state]).toEqual(['pending', 'pending'])
    expect(readFileSync(file, 'utf8')).toContain(second?.requestId)
    scene.broker.decide(first as never, 'denied', 'Audit first')
    scene.broker.decide(second as never, 'approved')
    expect(await run('resume')).toEqual({
      decided: expect.arrayContaining(['call-1', 'call-2']),
      waiting: [],
      finalOutput: 'done',
      called: [second?.attempt.action.arguments],
      outputs: {
        [first?.attempt.attempt as string]: expect.stringMatching(/APPROVAL_DENIED.*Audit first/s),
        [second?.attempt.attempt as string]: 'exported',
      },
    })
    expect(scene.broker.requests).toHaveLength(2)
    expect(scene.broker.outcomes).toContainEqual(
      expect.objectContaining({ requestId: second?.requestId, outcome: 'executed' }),
    )
  } finally {
    remove()
    rmSync(dir, { recursive: true, force: true })
  }
})
