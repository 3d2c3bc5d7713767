import { expect, test } from 'vitest'
import { agentEnvironment, startAgent } from '../../support/agent-process.ts'
import { startScene } from '../../support/gate-scene.ts'

test('openai agent sessions - each call of a tool handler is held, in a process under register, in both copies', async () => {
  const scene = await startScene()
  scene.broker.onRequest = ({ attempt }) => (attempt.attempt === 'call-1' ? 'approved' : 'denied')
  const { env, remove } = agentEnvironment(scene.broker, scene.nats.url)
  const { stdout, stderr } = await startAgent('test/instrumentation/apps/openai-sessions.mjs', env).ended
  remove()
  await scene.stop()
  expect(stdout, stderr).not.toBe('')
  const both = [
    { call_id: 'call-1', success: true, output: 'exported 1' },
    { call_id: 'call-2', success: true, output: expect.stringMatching(/APPROVAL_DENIED/) },
  ]
  expect(JSON.parse(stdout)).toMatchObject([...both, ...both])
  expect(scene.broker.requests.map(({ attempt }) => attempt)).toMatchObject(
    ['call-1', 'call-2', 'call-1', 'call-2'].map((attempt) => ({
      attempt,
      conversation: 'session-1',
      action: { kind: 'tool', name: 'export_customers' },
    })),
  )
})
