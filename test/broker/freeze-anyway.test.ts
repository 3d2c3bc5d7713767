import { jetstreamManager, type StreamUpdateConfig } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { publishTrust, signDirectory } from '#broker'
import { type HeartbeatReply, ledgerStream } from '#contract'
import { DEVELOPMENT_ISSUER } from '#identity'
import { codeOf, eventually, holdAction } from '../support/held.ts'
import { attemptOf, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

const DAY_MS = 86_400_000
const DIRECTORY = `people:\n  bob: ["${DEVELOPMENT_ISSUER}#bob"]\nservices: ["${DEVELOPMENT_ISSUER}#robot"]\n`
let house: House
let agent: TestAgent
beforeEach(async () => {
  house = await startHouse({
    policy: POLICY.replace('rules:', 'duties: { freeze: [sre] }\nrules:'),
    driftMs: 50,
  })
  agent = await house.agent('support-agent')
})
afterEach(() => house.stop())

async function freeze(sub: string, frozen: boolean, groups = ['sre']) {
  const token = await tokenOf(house.home, { sub, name: sub, groups }, house.clock.now())
  return house.desk.freeze({ token, agentId: agent.id, frozen, reason: 'It went mad.', channel: 'cli' })
}
const heartbeat = () => agent.call<HeartbeatReply>('heartbeat', { process: agent.process, waiting: [] })

async function publishDirectory(): Promise<void> {
  const { version } = signDirectory(house.home, DIRECTORY, 'directory.yaml', house.clock.now())
  await publishTrust(await house.connect('admin'), house.home, house.clock.now())
  await eventually(
    async () =>
      house.lines.some(
        (line) => line.includes('directory of people is in force') && line.includes(`"version":${version},`),
      ),
    Boolean,
  )
}

test('freeze - an expired directory keeps nobody from stopping an agent, and everybody from letting it go on', async () => {
  await publishDirectory()
  for (const days of [61, 30]) {
    house.clock.advance(days * DAY_MS)
    await house.publishPolicy(POLICY.replace('rules:', 'duties: { freeze: [sre] }\nrules:'))
  }
  expect(await codeOf(freeze('robot', true))).toBe('NOT_PERMITTED')
  expect(await freeze('bob', true)).toMatchObject({ frozen: true })
  expect(await heartbeat()).toMatchObject({ frozen: { by: 'bob' } })
  expect(await codeOf(freeze('carol', false))).toBe('STALE')
  await publishDirectory()
  expect(await freeze('carol', false)).toMatchObject({ frozen: false })
})

test('freeze - an expired policy still says who stops an agent, and not who ends that', async () => {
  house.clock.advance(91 * DAY_MS)
  expect(await codeOf(house.desk.policy(await tokenOf(house.home, { sub: 'bob' }, house.clock.now())))).toBe(
    'POLICY_UNAVAILABLE',
  )
  expect(await codeOf(freeze('bob', true, ['data-owners']))).toBe('NOT_PERMITTED')
  expect(await freeze('bob', true)).toMatchObject({ frozen: true })
  const asked = agent.call('request', { process: agent.process, attempt: attemptOf() })
  expect(await asked).toMatchObject({ status: 'denied', code: 'AGENT_FROZEN' })
  expect(await codeOf(freeze('carol', false))).toBe('POLICY_UNAVAILABLE')
})

test('freeze - while the ledger has drifted an agent is stopped all the same, and what it had open ends with the drift', async () => {
  const { requestId } = await holdAction(agent)
  const { streams } = await jetstreamManager(await house.connect('admin'))
  await streams.update(ledgerStream(1), { max_age: 3_600e9 } as StreamUpdateConfig)
  await eventually(
    () =>
      house.desk.list(house.token('bob')).then(
        () => '',
        ({ code }) => code,
      ),
    (code) => code === 'LEDGER_UNAVAILABLE',
  )
  expect(await freeze('bob', true)).toMatchObject({ frozen: true, cancelled: 0 })
  expect(await heartbeat()).toMatchObject({ frozen: { by: 'bob' } })
  expect(await codeOf(freeze('carol', false))).toBe('LEDGER_UNAVAILABLE')
  await streams.update(ledgerStream(1), { max_age: 0 })
  const state = async () =>
    (await house.desk.show(house.token('bob'), requestId).catch(() => undefined))?.summary.state
  await eventually(state, (found) => found === 'cancelled')
  expect(await freeze('carol', false)).toMatchObject({ frozen: false })
})
