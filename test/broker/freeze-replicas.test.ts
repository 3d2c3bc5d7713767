import { createServer } from 'node:http'
import { jetstream } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { encodeEntry, type FreezeEntry, type HelloReply, ledgerSubject } from '#contract'
import { DEVELOPMENT_ISSUER, groupSpecifier } from '#identity'
import { listenFrom } from '#runtime'
import { codeOf, consumeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, EPOCH, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

let house: House
let agent: TestAgent
beforeEach(async () => {
  const group = `groups:\n  stoppers: ['${groupSpecifier(DEVELOPMENT_ISSUER, 'stoppers')}']\n`
  house = await startHouse({
    policy: `${POLICY.replace('groups:\n', group)}duties: { freeze: [stoppers] }\n`,
  })
  agent = await house.agent('support-agent')
})
afterEach(() => house.stop())

const freeze = async (sub: string, frozen = true) => {
  const token = await tokenOf(house.home, { sub, name: sub, groups: ['stoppers'] })
  return house.desk.freeze({ token, frozen, channel: 'cli', agentId: 'support-agent' })
}
const hello = () => agent.call<HelloReply>('hello', { process: agent.process })
const stateOf = async (requestId: string) =>
  (await house.desk.show(house.token('bob'), requestId)).summary.state

test('freeze - holds through every replica, for those that were there and for one that comes later', async () => {
  await house.startBroker()
  await house.startBroker()
  await holdAction(agent)
  await freeze('dora')
  await eventually(hello, ({ frozen }) => frozen !== undefined)
  const late = await house.startBroker()
  for (let nth = 0; nth < 12; nth++) {
    expect(await hello()).toMatchObject({ frozen: { by: 'dora' } })
    expect(await agent.call('request', { process: agent.process, attempt: attemptOf() })).toMatchObject({
      code: 'AGENT_FROZEN',
    })
  }
  await late.stop()
})

test('freeze - is still there after a restart, and who froze still may not end it', async () => {
  await freeze('dora')
  await house.broker().stop()
  await house.startBroker()
  expect(await hello()).toMatchObject({ frozen: { by: 'dora' } })
  expect(await codeOf(freeze('dora', false))).toBe('SELF_APPROVAL')
  await freeze('emil', false)
  await house.broker().stop()
  await house.startBroker()
  expect(await hello()).not.toHaveProperty('frozen')
})

/** As a broker leaves it that dies in the moment after the freeze is committed. */
async function commitOnly(at = house): Promise<void> {
  const nc = await at.connect('broker')
  const entry: FreezeEntry = {
    type: 'freeze',
    at: at.clock.now(),
    agent: 'support-agent',
    turn: 1,
    frozen: true,
    by: {
      iss: 'https://idp.example.com',
      sub: 'dora',
      name: 'Dora',
      assurance: 'login',
      channel: 'cli',
      evidence: `sha-256:${'a'.repeat(64)}`,
    },
  }
  await jetstream(nc).publish(ledgerSubject.freeze(EPOCH, 'support-agent', 1), encodeEntry(entry))
}

test('freeze - what a broker that died left undone, any other one does', async () => {
  const waiting = await holdAction(agent)
  const approved = await holdAction(agent)
  await reviewAs(house, 'bob', approved.requestId)
  await commitOnly()
  await eventually(
    () => stateOf(waiting.requestId),
    (state) => state === 'cancelled',
  )
  await eventually(
    () => stateOf(approved.requestId),
    (state) => state === 'revoked',
  )
  expect(await codeOf(consumeOf(agent, approved))).toBe('AGENT_FROZEN')
})

test('freeze - what nobody was there to do, the next broker does when it starts', async () => {
  const waiting = await holdAction(agent)
  const approved = await holdAction(agent)
  await reviewAs(house, 'bob', approved.requestId)
  await house.broker().stop()
  await commitOnly()
  await house.startBroker()
  expect(await stateOf(waiting.requestId)).toBe('cancelled')
  expect(await stateOf(approved.requestId)).toBe('revoked')
})

test('freeze - that comes while a token is being verified still refuses what it was for', async () => {
  const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>()
  const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>()
  const keys = createServer(async (_, response) => {
    asked()
    await mayAnswer
    const { d: _private, ...key } = JSON.parse(slow.home.read('people/issuer.jwk'))
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys: [key] }))
  })
  const slow: House = await startHouse({ jwksUri: `http://127.0.0.1:${await listenFrom(keys, 0)}/jwks` })
  try {
    const other = await slow.agent('support-agent')
    const attempt = attemptOf({ name: 'lookup_customer' }, { onBehalfOf: [slow.token('carol')] })
    const reply = other.call('request', { process: other.process, attempt })
    await isAsked
    await commitOnly(slow)
    await eventually(
      () => other.call<HelloReply>('hello', { process: other.process }),
      ({ frozen }) => frozen !== undefined,
    )
    answer()
    expect(await reply).toMatchObject({ status: 'denied', code: 'AGENT_FROZEN' })
  } finally {
    answer()
    await slow.stop()
    await new Promise((closed) => keys.close(closed))
  }
})
