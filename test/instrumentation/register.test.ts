import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { instrumentations } from '#instrumentation'
import {
  type AgentEnvironment,
  type AgentProcess,
  agentEnvironment,
  startAgent,
} from '../support/agent-process.ts'
import { POLICY } from '../support/gate-scene.ts'
import { startNats, type TestNats } from '../support/nats.ts'
import { createScriptedBroker, type ScriptedBroker } from '../support/scripted-broker.ts'
import { startSpanCollector } from '../support/span-collector.ts'

let nats: TestNats
let broker: ScriptedBroker
let agent: AgentEnvironment
/** Waits for nobody's answer while the others run: it knows another server, which is not there. */
let alone: AgentProcess

beforeAll(async () => {
  nats = await startNats()
  broker = createScriptedBroker({ policy: POLICY })
  await broker.start(nats.url)
  agent = agentEnvironment(broker, nats.url)
  alone = startAgent(`${apps}/waiting.mjs`, {
    ...agent.env,
    HOLDPOINT_NATS_URL: 'nats://127.0.0.1:1',
    HOLDPOINT_LOG: 'off',
  })
})
afterAll(async () => {
  alone.child.kill()
  await broker.stop()
  await nats.stop()
  agent.remove()
})
afterEach(() => {
  broker.onRequest = () => undefined
  broker.requests.length = 0
})

const apps = 'test/instrumentation/apps'
const opened = () =>
  vi.waitFor(
    () => {
      expect(broker.requests).toHaveLength(1)
      return broker.requests[0] as (typeof broker.requests)[number]
    },
    { timeout: 15_000 },
  )

/** All that is said: what is under the gate, with its version, on one line. */
const START_LINE =
  /^holdpoint: under the gate: (?=.*openai-agents \(@openai\/agents-core \d+\.\d+\.\d+\)).*@modelcontextprotocol\/client 2\..*\n$/

describe.each([
  ['agent.mjs', {}],
  ['agent.cjs', {}],
  ['agent.mjs', { before: [`${apps}/opentelemetry.mjs`] }],
  ['agent.mjs', { after: [`${apps}/opentelemetry.mjs`] }],
  ['agent.mjs', { before: [`${apps}/other-hooks.mjs`] }],
  ['agent.mjs', { after: [`${apps}/other-hooks.mjs`] }],
])('%s %j', (app, options) => {
  test('register - an unchanged program is controlled, and ends by itself with its own exit code', async () => {
    broker.onRequest = ({ attempt }) => (attempt.action.name === 'export_denied' ? 'denied' : 'approved')
    const { ended } = startAgent(
      `${apps}/${app}`,
      { ...agent.env, NODE_OPTIONS: '--disable-warning=DEP0205' },
      options,
    )
    const { code, signal, stdout, stderr } = await ended
    expect(stderr).toMatch(START_LINE)
    expect(JSON.parse(stdout)).toEqual({
      finalOutput: 'done',
      called: ['lookup_customer 1', 'export_customers 2'],
      mcpRefused: [true, true],
    })
    expect({ code, signal }).toEqual({ code: 3, signal: null })
    expect(broker.requests.map(({ attempt }) => `${attempt.action.kind} ${attempt.action.name}`)).toEqual([
      'tool export_customers',
      'tool export_denied',
      'mcp export_denied',
      'mcp export_denied',
    ])
    expect(broker.outcomes.at(-1)).toMatchObject({ outcome: 'executed' })
  })
})

test.each([
  ['started before the gate', { before: [`${apps}/own-sdk.mjs`] }, {}],
  ['started by the program itself', { args: ['late'] }, {}],
  [
    'that has the gate among its instrumentations',
    { alone: true, after: [`${apps}/own-sdk.mjs`] },
    { AS_INSTRUMENTATION: '1' },
  ],
])('register - an SDK %s gets the spans', async (_, options, env) => {
  broker.onRequest = () => 'denied'
  const { ended } = startAgent(`${apps}/traced.mjs`, { ...agent.env, ...env }, options)
  const { code, stdout, stderr } = await ended
  expect(stderr).toMatch(START_LINE)
  expect({ code, ...JSON.parse(stdout) }).toEqual({
    code: 0,
    refused: [true, true],
    names: [
      'await_approval export_customers',
      'await_approval export_customers',
      'execute_tool export_customers',
      'execute_tool export_customers',
      'work',
    ],
    inTrace: 3,
  })
})

test('register - every package that is patched loads under it, as ES module and by require', async () => {
  const { ended } = startAgent(`${apps}/loading.mjs`, agent.env, {
    args: instrumentations.flatMap(({ specifiers }) => [...specifiers]),
  })
  const { code, stdout, stderr } = await ended
  expect(stderr).toMatch(START_LINE)
  expect(JSON.parse(stdout)).toEqual([])
  expect(code).toBe(0)
})

test('register - what is switched off is said, and is not held', async () => {
  broker.onRequest = () => 'denied'
  const { ended } = startAgent(`${apps}/agent.mjs`, {
    ...agent.env,
    HOLDPOINT_DISABLED_INSTRUMENTATIONS: 'openai-agents',
  })
  const { stdout, stderr } = await ended
  expect(stderr).toMatch(/^holdpoint: under the gate: .*; NOT under the gate, switched off: openai-agents\n$/)
  expect(JSON.parse(stdout)).toMatchObject({
    called: ['lookup_customer 1', 'export_customers 2', 'export_denied 3'],
    mcpRefused: [true, true],
  })
})

test('register - spans leave before the process does', async () => {
  const collector = await startSpanCollector()
  broker.onRequest = () => 'approved'
  const { ended } = startAgent(`${apps}/waiting.mjs`, {
    ...agent.env,
    ...collector.env,
    OTEL_SERVICE_NAME: 'shop-service',
  })
  const { code, stdout } = await ended
  collector.stop()
  expect({ code, stdout: JSON.parse(stdout) }).toEqual({ code: 0, stdout: { ran: true, value: 'ran' } })
  for (const words of [
    'execute_tool export_customers',
    'await_approval export_customers',
    'Rosa Reviewer',
    'shop-service',
  ])
    expect(collector.received()).toContain(words)
  expect(broker.requests[0]?.attempt.action.runtime.serviceName).toBe('shop-service')
})

test('register - a process does not end while an action is held', async () => {
  broker.heartbeatMs = 50
  const { child, ended } = startAgent(`${apps}/waiting.mjs`, agent.env)
  const request = await opened()
  // A process with nothing to wait for ends at once; this one goes on saying that it lives.
  const beats = () => broker.calls.filter(({ name }) => name === 'heartbeat').length
  const before = beats()
  await vi.waitFor(() => expect(beats()).toBeGreaterThan(before + 3), { timeout: 5_000 })
  expect(child.exitCode).toBeNull()
  broker.decide(request, 'approved')
  expect((await ended).stdout).toBe('{"ran":true,"value":"ran"}\n')
})

test('register - a signal that nobody handles ends the process as ever, and cancels what is held', async () => {
  const { child, ended } = startAgent(`${apps}/waiting.mjs`, agent.env)
  const request = await opened()
  child.kill('SIGTERM')
  const { code, signal } = await ended
  expect({ code, signal }).toEqual({ code: null, signal: 'SIGTERM' })
  expect(request.state).toBe('cancelled')
})

test('register - a signal that the program handles is left to it', async () => {
  const { child, ended } = startAgent(`${apps}/waiting.mjs`, agent.env, { args: ['handles'] })
  await opened()
  child.kill('SIGTERM')
  const { code, stdout } = await ended
  expect({ code, stdout }).toEqual({ code: 7, stdout: 'cleaning up\n' })
})

test('register - a program runs, and ends, where neither NATS nor the broker are there', async () => {
  const { code, stdout, stderr } = await alone.ended
  // It was asked to say nothing.
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout)).toMatchObject({ ran: false, refusal: { code: 'BROKER_UNAVAILABLE' } })
})

test.each([
  [{ HOLDPOINT_ENABLED_INSTRUMENTATIONS: 'langchian' }, ['"langchian", expected some of ', 'openai-agents']],
  [{ HOLDPOINT_PIN: '' }, ['HOLDPOINT_PIN is missing']],
  [{ HOLDPOINT_PIN: 'ed25519:short' }, ['HOLDPOINT_PIN is "ed25519:short"', 'expected ed25519:']],
  [{ HOLDPOINT_AGENT: 'Shop Agent' }, ['HOLDPOINT_AGENT is "Shop Agent"']],
  [{ HOLDPOINT_NATS_URL: 'http://x' }, ['HOLDPOINT_NATS_URL is "http://x"']],
  [{ HOLDPOINT_CREDENTIALS: '/nowhere/agent.creds' }, ['/nowhere/agent.creds', 'ENOENT']],
  [{ HOLDPOINT_CREDENTIALS: 'package.json' }, ['holds no NATS credentials']],
  [
    { HOLDPOINT_NATS_URL: '', HOLDPOINT_AGENT: '', HOLDPOINT_PIN: '', HOLDPOINT_CREDENTIALS: '' },
    ['HOLDPOINT_NATS_URL', 'HOLDPOINT_AGENT', 'HOLDPOINT_PIN', 'HOLDPOINT_CREDENTIALS'],
  ],
])('register - %j stops the start and is named', async (wrong, words) => {
  const { ended } = startAgent(`${apps}/agent.mjs`, { ...agent.env, ...(wrong as object) })
  const { code, stdout, stderr } = await ended
  expect(code).toBe(1)
  expect(stdout).toBe('')
  for (const word of words) expect(stderr).toContain(word)
})
