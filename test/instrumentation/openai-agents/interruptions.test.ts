import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { requestInterruptions, resumeInterruptions } from '../../../instrumentation/openai-agents/index.ts'
import { agentEnvironment, startAgent } from '../../support/agent-process.ts'
import { COPIES, consumed, decide, interruptible, pending, scene, spans, useScene } from './interrupted.ts'

useScene()

describe.each(COPIES)('the %s copy', (_name, sdk) => {
  const { execute, agentWith, interrupt, goOn } = interruptible(sdk)
  const { agents, testing } = sdk
  const { ScriptedModel, functionCall, assistantMessage } = testing

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

  test('interruptions - people are waited for, and looking again takes nothing back', async () => {
    const { state: text, held } = await interrupt(1, 2)
    const model = new ScriptedModel([[assistantMessage('done')]])
    const agent = agentWith(model)
    const state = await agents.RunState.fromString(agent, text)
    decide(0, 'approved')
    expect(await resumeInterruptions(state, held)).toEqual({ decided: ['call-1'], waiting: ['call-2'] })
    const both = resumeInterruptions(state, held, { waitMs: 10_000 })
    decide(1, 'approved')
    expect(await both).toEqual({ decided: ['call-1', 'call-2'], waiting: [] })
    await agents.run(agent, state)
    expect(execute).toHaveBeenCalledTimes(2)
    expect(scene.broker.requests).toHaveLength(2)
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
