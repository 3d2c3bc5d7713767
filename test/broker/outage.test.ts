import { afterEach, beforeEach, expect, test } from 'vitest'
import { publishTrust, signPolicy } from '#broker'
import { agentSubject, encodeMessage } from '#contract'
import { claimOf, consumeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { standStill } from '../support/stand-still.ts'

let house: House
let agent: TestAgent
beforeEach(async () => {
  house = await startHouse({ heartbeatMs: 1_000 })
  agent = await house.agent('support-agent')
})
afterEach(() => house.stop())

const MINUTE = 60_000
const stateOf = async (requestId: string) =>
  (await house.desk.show(house.token('bob'), requestId)).summary.state

/** Away for a while, and back; resolves when the agent's calls are answered again. */
async function interruptNats(forMs: number): Promise<void> {
  await house.nats.stop()
  house.clock.advance(forMs)
  await house.nats.start()
  await eventually(beat, (answer) => answer !== undefined)
}

/** One heartbeat; undefined where it gets no answer. What is asked while the line is down is lost. */
const beat = (): Promise<{ policyVersion: number } | undefined> =>
  agent.nc
    .request(agentSubject(agent.id, 'heartbeat'), encodeMessage({ process: agent.process, waiting: [] }), {
      timeout: 200,
    })
    .then((message) => message.json<{ policyVersion: number }>())
    .catch(() => undefined)
test('broker - while NATS is away nobody can prove that they live, and nothing is cancelled for it', async () => {
  const held = await holdAction(agent)
  await interruptNats(MINUTE)
  expect(await stateOf(held.requestId)).toBe('pending')
  await reviewAs(house, 'bob', held.requestId)
  await consumeOf(agent, held)
  // And who does not come back is gone, a full lease later.
  const { requestId: lost } = await holdAction(agent)
  house.clock.advance(4_000)
  await eventually(
    () => stateOf(lost),
    (state) => state === 'cancelled',
  )
})

test('broker - a line that was cut without a word is not the silence of those behind it', async () => {
  const held = await holdAction(agent)
  await standStill(house.nats.pid)
  house.clock.advance(MINUTE)
  await eventually(
    async () => house.lines.some((line) => line.includes('could not be tended')),
    (isTended) => isTended,
  )
  process.kill(house.nats.pid, 'SIGCONT')
  await eventually(beat, (answer) => answer !== undefined)
  expect(await stateOf(held.requestId)).toBe('pending')
})

test('broker - it can be stopped while NATS is away, and goes on where another left off', async () => {
  const held = await holdAction(agent)
  await house.nats.stop()
  await house.broker().stop()
  await house.nats.start()
  await house.startBroker()
  await eventually(beat, (answer) => answer !== undefined)
  expect(await claimOf(agent, held.requestId)).toEqual({ status: 'pending' })
})

test('broker - a policy that is published after NATS was away is heard of', async () => {
  await interruptNats(1_000)
  signPolicy(house.home, POLICY.replace('validFor: 1h', 'validFor: 2h'), 'policy.yaml', house.clock.now())
  await publishTrust(await house.connect('admin'), house.home, house.clock.now())
  await eventually(beat, (answer) => answer?.policyVersion === 2)
})
