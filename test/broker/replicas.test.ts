import { afterEach, beforeEach, expect, test } from 'vitest'
import { codeOf, eventually, holdAction } from '../support/held.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'

let house: House
let agent: TestAgent
beforeEach(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
  await house.startBroker()
  await house.startBroker()
})
afterEach(() => house.stop())

const pending = async () => (await house.desk.list(house.token('bob'))).total
/** Every replica has swept more than once since. */
const swept = () => new Promise((resolve) => setTimeout(resolve, 100))

test('replicas - one heartbeat is heard by all: nobody cancels what another one knows to be alive', async () => {
  const held = await holdAction(agent)
  for (let beat = 0; beat < 8; beat++) {
    house.clock.advance(10_000)
    await agent.call('heartbeat', { process: agent.process, waiting: [held.requestId] })
    await swept()
  }
  expect(await pending()).toBe(1)
})

test('replicas - a process that opens a request lives, though only one replica has heard it', async () => {
  // By now whoever has not been heard counts as silent.
  house.clock.advance(60_000)
  await holdAction(agent)
  await swept()
  expect(await pending()).toBe(1)
})

test('replicas - a process that falls silent is gone for all of them', async () => {
  await holdAction(agent)
  await agent.call('heartbeat', { process: agent.process, waiting: [] })
  house.clock.advance(16_000)
  await eventually(pending, (count) => count === 0)
})

test.each([
  ['no JSON', '{'],
  ['no process', '{}'],
  ['a process that is none', '{"process":"a b"}'],
])('replicas - a heartbeat with %s is refused, heard by nobody, and harms nobody', async (_, body) => {
  const reply = await agent.nc.request('hp.v1.agent.support-agent.heartbeat', body, { timeout: 2_000 })
  expect(reply.json()).toMatchObject({ error: { code: 'INVALID_INPUT' } })
  agent.nc.publish('hp.v1.agent.support-agent.heartbeat', body)
  expect((await house.desk.agents(house.token('bob'))).agents[0]).toMatchObject({ processes: 0 })
  await expect(holdAction(agent, attemptOf())).resolves.toMatchObject({ status: 'held' })
  expect(await codeOf(agent.call('claim', { requestId: '1-x' }))).toBe('UNKNOWN_REQUEST')
})
