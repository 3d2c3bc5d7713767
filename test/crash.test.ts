import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FILES, readPin } from '#broker'
import { endOf } from './support/broker-process.ts'
import { codeOf, eventually, reviewAs } from './support/held.ts'
import { type House, startHouse } from './support/house.ts'
import { parsePrometheus, sampleValue } from './support/metrics/parse.ts'
import { steadyPort } from './support/port.ts'
import { type Running, startProgram } from './support/program.ts'

let house: House
let cwd: string
let agents: Running[] = []
beforeEach(async () => {
  house = await startHouse({ broker: false, heartbeatMs: 200 })
  cwd = mkdtempSync(join(tmpdir(), 'holdpoint-agent-'))
  agents = []
})
afterEach(async () => {
  for (const { child } of agents) await endOf(child, 'SIGKILL')
  await house.stop()
  rmSync(cwd, { recursive: true, force: true })
})

async function startAgent(): Promise<Running> {
  const { nc } = await house.agent('support-agent')
  await nc.close()
  const agent = startProgram('test/support/apps/hold-once.ts', [], {
    cwd,
    gated: true,
    env: {
      HOLDPOINT_NATS_URL: house.natsUrl,
      HOLDPOINT_CREDENTIALS: house.home.path(FILES.agentCredentials('support-agent')),
      HOLDPOINT_AGENT: 'support-agent',
      HOLDPOINT_PIN: readPin(house.home),
    },
  })
  agents.push(agent)
  return agent
}

const firstRequest = async (): Promise<string> => {
  const { requests } = await eventually(
    () => house.desk.list(house.token('bob'), { state: 'all' }),
    ({ total }) => total > 0,
  )
  return requests[0]?.requestId ?? ''
}
const stateOf = async (requestId: string): Promise<string> =>
  (await house.desk.show(house.token('bob'), requestId)).summary.state

test('crash - an agent that is killed while it waits leaves a cancelled request, and a late approval releases nothing', async () => {
  await house.startBroker()
  const agent = await startAgent()
  const requestId = await firstRequest()
  await endOf(agent.child, 'SIGKILL')
  await eventually(
    () => stateOf(requestId),
    (state) => state === 'cancelled',
  )
  expect(await codeOf(reviewAs(house, 'bob', requestId))).toBe('ALREADY_DECIDED')
  expect((await agent.finished).stdout).toBe('')
})

test('crash - a broker that is killed between a review and the warrant leaves a decision that stands, once', async () => {
  const broker = await house.spawnBroker()
  const agent = await startAgent()
  const requestId = await firstRequest()
  // The agent does not hear of it until the broker is gone.
  agent.child.kill('SIGSTOP')
  expect(await reviewAs(house, 'bob', requestId)).toMatchObject({ state: 'approved' })
  await endOf(broker, 'SIGKILL')
  const port = await steadyPort()
  await house.spawnBroker({ HOLDPOINT_METRICS_PORT: String(port) })
  agent.child.kill('SIGCONT')
  expect(await agent.finished).toMatchObject({ code: 0, stdout: '{"ran":true,"value":"granted"}\n' })
  await eventually(
    () => stateOf(requestId),
    (state) => state === 'executed',
  )
  expect(await codeOf(reviewAs(house, 'carol', requestId))).toBe('ALREADY_DECIDED')

  // The broker that came after says so by itself: it knows the ledger, and has decided nothing.
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
  expect(await (await get('/readyz')).json()).toEqual({ status: 'ready' })
  const told = parsePrometheus(await (await get('/metrics')).text())
  expect(sampleValue(told, 'target_info', { service_name: 'holdpoint-broker' })).toBe(1)
  expect(sampleValue(told, 'holdpoint_ledger_size')).toBeGreaterThan(5)
  expect(
    sampleValue(told, 'holdpoint_broker_call_duration_seconds_count', { call: 'claim' }),
  ).toBeGreaterThan(0)
  expect(told.has('holdpoint_decisions_total')).toBe(false)
  await house.nats.stop()
  await eventually(
    async () => (await get('/readyz')).json() as Promise<object>,
    (said) => JSON.stringify(said).includes('NATS cannot be reached'),
  )
  expect((await get('/healthz')).status).toBe(200)
})
