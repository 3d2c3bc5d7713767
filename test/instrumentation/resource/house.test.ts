import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { FILES, readPin } from '#broker'
import { createGate, createResource, type Gate, type GateAttempt, type Resource } from '#gate'
import { createResource as createFromEnvironment } from '../../../instrumentation/resource/index.ts'
import { eventually, reviewAs } from '../../support/held.ts'
import { type House, startHouse } from '../../support/house.ts'
import { type Handle, RESOURCE_SERVERS, type ResourceServer } from './servers.ts'

let house: House
let gate: Gate
let resource: Resource
const servers: Record<string, ResourceServer> = {}
const handled: unknown[] = []

beforeAll(async () => {
  house = await startHouse({ heartbeatMs: 500 })
  await house.agent('clerk')
  await house.agent('billing', { enforcement: 'resource' })
  gate = createGate({ ...configOf('clerk'), serviceName: 'clerk', host: 'test' }, { now: house.clock.now })
  resource = createResource(configOf('billing'), { now: house.clock.now })
  await Promise.all([gate.start(), resource.start()])
  const pay: Handle = ({ action }) => {
    handled.push(action.arguments)
    if (JSON.stringify(action.arguments).includes('broken')) throw new Error('no funds')
    return 200
  }
  for (const [name, start] of Object.entries(RESOURCE_SERVERS)) servers[name] = await start(resource, pay)
})
afterAll(async () => {
  for (const server of Object.values(servers)) await server.stop()
  await Promise.all([gate?.stop(), resource?.stop()])
  await house.stop()
})

const configOf = (agentId: string) => ({
  natsUrl: house.natsUrl,
  credentials: house.home.read(FILES.agentCredentials(agentId)),
  agentId,
  pin: readPin(house.home),
})

/** The agent's side, as in the guide: what is sent is what was approved, with the proof beside it. */
async function payOut(framework: string, given: object, signal?: AbortSignal) {
  let requestId = ''
  const payout: GateAttempt = {
    kind: 'tool',
    name: 'payout',
    target: 'accounts/eu',
    arguments: given,
    resource: 'billing',
    onHeld: (held) => {
      requestId = held.requestId
      void reviewAs(house, 'bob', requestId)
    },
    ...(signal === undefined ? {} : { signal }),
  }
  const held = await gate.hold(payout, (approved, proof = '') =>
    fetch(`${servers[framework]?.url}/accounts/eu/payouts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Holdpoint-Warrant': proof },
      body: JSON.stringify(approved),
    }),
  )
  if (!held.ran) throw new Error(held.refusal.message)
  return { response: held.value, requestId }
}

const stateOf = async (requestId: string) =>
  (await house.desk.show(house.token('bob'), requestId)).summary.state
const becomes = (requestId: string, wanted: string) =>
  eventually(
    () => stateOf(requestId),
    (state) => state === wanted,
  )

test.each(['hono', 'express', 'fastify'])(
  'resource and broker - %s runs what people released, and the ledger says what became of it',
  async (framework) => {
    const paid = await payOut(framework, { amount: 1, by: framework })
    expect(paid.response.status).toBe(200)
    expect(handled).toContainEqual({ amount: 1, by: framework })
    await becomes(paid.requestId, 'executed')
    const broken = await payOut(framework, { amount: 2, by: framework, broken: true })
    expect(broken.response.status).toBe(500)
    await becomes(broken.requestId, 'failed')
  },
)

test('resource and broker - the agent itself cannot spend what it asked for at a resource', async () => {
  const agent = await house.knownAgent('clerk')
  const { requestId } = await payOut('hono', { amount: 3 })
  await expect(
    agent.call('outcome', { requestId, nonce: 'x'.repeat(22), outcome: 'failed' }),
  ).rejects.toMatchObject({ code: 'UNKNOWN_REQUEST' })
})

test('resource and broker - without its variables it does not start, and says what is missing', () => {
  vi.stubEnv('HOLDPOINT_PIN', 'none')
  expect(() => createFromEnvironment()).toThrow(/HOLDPOINT_NATS_URL[\s\S]*HOLDPOINT_PIN is "none"/)
  vi.unstubAllEnvs()
})

test('resource and broker - of two processes of the service, one runs it', async () => {
  vi.stubEnv('HOLDPOINT_NATS_URL', house.natsUrl)
  vi.stubEnv('HOLDPOINT_AGENT', 'billing')
  vi.stubEnv('HOLDPOINT_CREDENTIALS', house.home.path(FILES.agentCredentials('billing')))
  vi.stubEnv('HOLDPOINT_PIN', readPin(house.home))
  const replica = createFromEnvironment()
  vi.unstubAllEnvs()
  expect(replica.name).toBe('billing')
  await replica.start()
  const action = { kind: 'tool', name: 'payout', target: 'accounts/eu', arguments: { amount: 4 } }
  let proof = ''
  await gate.hold(
    { ...action, resource: 'billing', onHeld: ({ requestId }) => void reviewAs(house, 'bob', requestId) },
    (_approved, shown = '') => {
      proof = shown
    },
  )
  const answers = await Promise.all(
    [resource, replica, resource, replica].map((one) => one.verifyWarrant(proof, action)),
  )
  expect(answers.filter(({ ok }) => ok)).toHaveLength(1)
  expect(answers.filter((answer) => !answer.ok && answer.refusal.code === 'ALREADY_SPENT')).toHaveLength(3)
  for (const answer of answers) if (answer.ok) answer.release.done('executed')
  await Promise.all([resource.flush(2_000), replica.flush(2_000)])
  await replica.stop()
})

test('resource and broker - a service that dies with what it has spent leaves it ambiguous', async () => {
  const dying = createResource(configOf('billing'), { now: house.clock.now })
  await dying.start()
  const action = { kind: 'tool', name: 'payout', target: 'accounts/eu', arguments: { amount: 5 } }
  let held = ''
  let proof = ''
  await gate.hold(
    {
      ...action,
      resource: 'billing',
      onHeld: ({ requestId }) => {
        held = requestId
        void reviewAs(house, 'bob', requestId)
      },
    },
    (_approved, shown = '') => {
      proof = shown
    },
  )
  expect(await dying.verifyWarrant(proof, action)).toMatchObject({ ok: true })
  expect(await stateOf(held)).toBe('consumed')
  await dying.stop()
  await vi.waitFor(
    async () => {
      house.clock.advance(1_000)
      expect(await stateOf(held)).toBe('ambiguous')
    },
    { timeout: 5_000 },
  )
})
