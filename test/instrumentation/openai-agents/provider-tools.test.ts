import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { instrumentations, useGate } from '#instrumentation'
import { holdHosted } from '../../../instrumentation/openai-agents/index.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import { driver, type Sdk } from '../drivers/openai-agents.ts'

/** Tools that come with the model: its shell, its editor, MCP servers that its provider calls. */
const [esm, cjs] = (await Promise.all(driver.copies.map(({ load }) => load()))) as [Sdk, Sdk]
let scene: Scene
beforeAll(async () => {
  scene = await startScene()
  useGate(scene.gate)
  for (const { agents } of [esm, cjs]) {
    agents.setTracingDisabled(true)
    instrumentations.find(({ name }) => name === 'openai-agents')?.patch(agents as never, scene.gate)
  }
})
afterAll(async () => {
  useGate(undefined)
  await scene.stop()
})
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.requests.length = 0
})
const actions = () => scene.broker.requests.map(({ attempt }) => attempt.action)

describe.each([
  ['ESM', esm],
  ['CommonJS', cjs],
])('the %s copy', (_name, { agents, testing }) => {
  /** What the model was told after it had asked for this. */
  async function told(call: object, tool: object): Promise<Record<string, unknown>[]> {
    const model = new testing.ScriptedModel([[call as never], [testing.assistantMessage('done')]])
    await agents.run(new agents.Agent({ name: 'Clerk', model, tools: [tool as never] }), 'go')
    return model.lastCall?.request.input.slice(-1) as unknown as Record<string, unknown>[]
  }

  const shellCall = {
    type: 'shell_call',
    callId: 'call-1',
    status: 'completed',
    action: { commands: ['rm -rf /srv/data'] },
  }
  const output = { stdout: 'gone', stderr: '', outcome: { type: 'exit', exitCode: 0 } }

  test.each(['approved', 'denied'] as const)(
    'openai-agents - the model’s shell is held: %s',
    async (decision) => {
      scene.broker.onRequest = () => decision
      const run = vi.fn(async () => ({ output: [output] }))
      const [item] = await told(shellCall, agents.shellTool({ shell: { run } as never }))
      expect(actions()).toMatchObject([{ kind: 'tool', name: 'shell', arguments: shellCall.action }])
      expect(run.mock.calls).toEqual(decision === 'approved' ? [[shellCall.action]] : [])
      expect(item?.output).toMatchObject([
        decision === 'approved' ? output : { stderr: expect.stringMatching(/APPROVAL_DENIED/) },
      ])
    },
  )

  const patchCall = {
    type: 'apply_patch_call',
    callId: 'call-1',
    status: 'completed',
    operation: { type: 'delete_file', path: 'prices.csv' },
  }

  test.each(['approved', 'denied'] as const)(
    'openai-agents - the model’s editor is held: %s',
    async (decision) => {
      scene.broker.onRequest = () => decision
      const deleteFile = vi.fn(async () => ({ status: 'completed' as const, output: 'deleted' }))
      const editor = { createFile: vi.fn(), updateFile: vi.fn(), deleteFile }
      const [item] = await told(patchCall, agents.applyPatchTool({ editor: editor as never }))
      expect(actions()).toMatchObject([
        { kind: 'file', name: 'delete_file', target: 'prices.csv', arguments: patchCall.operation },
      ])
      expect(deleteFile).toHaveBeenCalledTimes(decision === 'approved' ? 1 : 0)
      expect(item).toMatchObject(
        decision === 'approved'
          ? { status: 'completed', output: 'deleted' }
          : { status: 'failed', output: expect.stringMatching(/APPROVAL_DENIED/) },
      )
    },
  )

  const hostedCall = {
    type: 'hosted_tool_call',
    id: 'mcpr_1',
    name: 'export_customers',
    status: 'in_progress',
    providerData: {
      type: 'mcp_approval_request',
      id: 'mcpr_1',
      server_label: 'crm',
      name: 'export_customers',
      arguments: '{"limit":1}',
    },
  }
  const hosted = (onApproval: unknown) =>
    agents.hostedMcpTool({
      serverLabel: 'crm',
      serverUrl: 'https://crm.example.com/mcp',
      requireApproval: 'always',
      onApproval: onApproval as never,
    })

  test.each([
    ['holdHosted', 'approved', holdHosted, true],
    ['holdHosted', 'denied', holdHosted, false],
    ['a yes of the program', 'denied', async () => ({ approve: true }), false],
  ] as const)(
    'openai-agents - a hosted MCP call is held: %s, %s',
    async (_by, decision, onApproval, approve) => {
      scene.broker.onRequest = () => decision
      const [item] = await told(hostedCall, hosted(onApproval))
      expect(actions()).toMatchObject([
        { kind: 'mcp', name: 'export_customers', target: 'crm', arguments: { limit: 1 } },
      ])
      expect(scene.broker.requests[0]?.attempt.attempt).toBe('mcpr_1')
      expect(item?.providerData).toMatchObject({
        approve,
        approval_request_id: 'mcpr_1',
        ...(approve ? {} : { reason: expect.stringMatching(/APPROVAL_DENIED/) }),
      })
    },
  )

  test('openai-agents - what the program refuses to a hosted MCP call is not put before a person', async () => {
    const [item] = await told(
      hostedCall,
      hosted(async () => ({ approve: false, reason: 'never' })),
    )
    expect(item?.providerData).toMatchObject({ approve: false, reason: 'never' })
    expect(actions()).toEqual([])
  })
})
