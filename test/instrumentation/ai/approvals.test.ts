import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { UIMessage } from 'ai'
import { expect, test } from 'vitest'
import { requestApprovals, resumeApprovals } from '../../../instrumentation/ai/index.ts'
import { agentEnvironment, startAgent } from '../../support/agent-process.ts'
import { modelOf, outputsOf } from '../drivers/ai.ts'
import {
  ai,
  consumed,
  decide,
  execute,
  GO,
  goOn,
  idOf,
  interrupt,
  named,
  saved,
  scene,
  spans,
  testing,
  tools,
  useScene,
} from './interrupted.ts'

useScene()

test('approvals - what the SDK interrupts is asked, and nobody waits for it', async () => {
  await interrupt(1)
  expect(scene.broker.requests).toMatchObject([
    { state: 'pending', attempt: { attempt: 'call-1', conversation: 'conv-1' } },
  ])
  expect(scene.broker.requests[0]?.attempt.action).toMatchObject({
    kind: 'tool',
    name: 'export_customers',
    arguments: { limit: 1 },
  })
  expect(scene.broker.requests[0]?.process).toBeUndefined()
  expect(execute).not.toHaveBeenCalled()
})

test('approvals - an approved call runs under its approval, and nobody is asked again', async () => {
  const one = await interrupt(1)
  decide(0, 'approved')
  expect((await goOn(one)).outputs).toEqual({ 'call-1': { text: 'exported 1', isError: false } })
  expect(execute.mock.calls.map(([given]) => given)).toEqual([{ limit: 1 }])
  expect(scene.broker.requests).toHaveLength(1)
  expect(consumed()).toBe(1)
  expect(spans.named('execute_tool export_customers')[0]?.attributes).toMatchObject({
    'gen_ai.tool.call.id': 'call-1',
    'holdpoint.approval.decision': 'approved',
    'holdpoint.outcome': 'executed',
  })
})

test('approvals - of two, none is spent before both are decided', async () => {
  const both = await interrupt(1, 2)
  decide(0, 'approved')
  expect(await goOn(both)).toEqual({ waiting: [idOf(both, 2)], outputs: {} })
  expect(consumed()).toBe(0)
  decide(1, 'denied', 'Audit first')
  const { outputs } = await goOn(both)
  expect(outputs).toMatchObject({
    'call-1': { text: 'exported 1' },
    'call-2': { isError: true, text: expect.stringMatching(/APPROVAL_DENIED.*Audit first/s) },
  })
  expect(execute).toHaveBeenCalledTimes(1)
  expect(scene.broker.requests).toHaveLength(2)
})

test('approvals - of two approved calls each runs under its own approval', async () => {
  const both = await interrupt(1, 2)
  decide(0, 'approved')
  decide(1, 'approved')
  expect((await goOn(both)).outputs).toMatchObject({
    'call-1': { text: 'exported 1' },
    'call-2': { text: 'exported 2' },
  })
  expect(execute).toHaveBeenCalledTimes(2)
  expect(scene.broker.requests).toHaveLength(2)
})

test.each([
  ['denied', /APPROVAL_DENIED.*Audit first/s],
  ['expired', /APPROVAL_EXPIRED/],
] as const)('approvals - a call that was %s never runs, however often it is resumed', async (how, why) => {
  const one = await interrupt(1)
  decide(0, how, 'Audit first')
  for (const time of [1, 2])
    expect((await goOn(one)).outputs['call-1'], `time ${time}`).toMatchObject({
      isError: true,
      text: expect.stringMatching(why),
    })
  expect(execute).not.toHaveBeenCalled()
})

test('approvals - what policy allows or denies is answered without anybody', async () => {
  const calls = ['lookup_customers', 'drop_customers'].map((name) => ({
    id: name,
    name,
    arguments: { limit: 1 },
  }))
  const model = modelOf(testing, { calls: calls as never })
  const drop = { ...tools(), drop_customers: named('drop') }
  const result = await ai.generateText({ model, tools: drop, messages: [GO] })
  const held = saved(await requestApprovals(result.content))
  expect(Object.values(held.calls).map(({ status }) => status)).toEqual(['allowed', 'refused'])
  const { outputs } = await goOn({ messages: saved([GO, ...result.responseMessages]), held })
  expect(outputs).toMatchObject({
    lookup_customers: { text: 'exported 1' },
    drop_customers: { isError: true, text: expect.stringMatching(/POLICY_DENIED/) },
  })
  expect(scene.broker.requests).toEqual([])
})

test('approvals - where the broker does not answer, everything is as it was', async () => {
  const one = await interrupt(1)
  decide(0, 'approved')
  scene.broker.intercept = ({ name }, honest) => (name === 'claim' ? undefined : honest)
  expect(await goOn(one)).toEqual({ waiting: [idOf(one, 1)], outputs: {} })
  scene.broker.intercept = (_call, honest) => honest
  expect((await goOn(one)).outputs['call-1']?.text).toBe('exported 1')
})

test('approvals - a conversation of a user interface goes on by people’s answers', async () => {
  const one = await interrupt(1)
  const approvalId = idOf(one, 1)
  // What the browser keeps, and sends again with its own answer in it.
  const sent: UIMessage[] = [
    { id: 'm1', role: 'user', parts: [{ type: 'text', text: 'go' }] },
    {
      id: 'm2',
      role: 'assistant',
      parts: [
        {
          type: 'tool-export_customers',
          toolCallId: 'call-1',
          state: 'approval-responded',
          input: { limit: 1 },
          approval: { id: approvalId, approved: true },
        } as never,
      ],
    },
  ]
  const messages = await ai.convertToModelMessages(sent)
  expect(await goOn({ messages, held: one.held })).toEqual({ waiting: [approvalId], outputs: {} })
  decide(0, 'denied', 'Audit first')
  expect((await goOn({ messages, held: one.held })).outputs['call-1']?.text).toMatch(/Audit first/)
  expect(execute).not.toHaveBeenCalled()
})

test('approvals - a streamed run goes on as well', async () => {
  const one = await interrupt(1)
  decide(0, 'approved')
  const resumed = await resumeApprovals(one.messages, one.held)
  if (!resumed.ready) throw new Error('expected ready')
  const model = modelOf(testing, { calls: [] })
  const { fullStream } = ai.streamText({ model, tools: tools(), messages: resumed.messages })
  for await (const _part of fullStream);
  expect(outputsOf(model)['call-1']?.text).toBe('exported 1')
  expect(scene.broker.requests).toHaveLength(1)
})

test('approvals - a conversation outlives its process, required from CommonJS or imported', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-ai-'))
  const file = join(dir, 'run.json')
  const { env, remove } = agentEnvironment(scene.broker, scene.nats.url)
  const app = async (mode: string) => {
    const program = 'test/instrumentation/apps/ai-approvals.mjs'
    const { code, stdout, stderr } = await startAgent(program, env, { args: [mode, file] }).ended
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    return JSON.parse(stdout)
  }
  try {
    expect(await app('ask')).toEqual({ asked: 2, called: [] })
    scene.broker.decide(scene.broker.requests[0] as never, 'denied', 'Audit first')
    scene.broker.decide(scene.broker.requests[1] as never, 'approved')
    const approved = scene.broker.requests[1]?.attempt.action.arguments
    expect(await app('resume')).toEqual({
      called: [approved],
      outputs: expect.arrayContaining(['exported', expect.stringMatching(/APPROVAL_DENIED.*Audit first/s)]),
    })
    expect(scene.broker.requests).toHaveLength(2)
  } finally {
    remove()
    rmSync(dir, { recursive: true, force: true })
  }
})
