import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { holdAction } from '../support/held.ts'
import { type House, startHouse, type TestAgent } from '../support/house.ts'

let house: House
let agent: TestAgent
beforeAll(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

/** What the server says to a publish; it answers violations to the connection, not to the publisher. */
async function violationOf(nc: NatsConnection, attempt: () => void): Promise<string> {
  const status = nc.status()[Symbol.asyncIterator]()
  attempt()
  for (;;) {
    const { value } = await status.next()
    if (value?.type === 'error') return String(value.error.message)
  }
}

test.each([
  'hp.v1.agent.other-agent.request',
  'hp.v1.ledger.1.req.1-x.decided',
  'hp.v1.payload.1-x.request',
  'hp.v1.trust.policy.9',
  'hp.v1.checkpoint.1',
  'hp.v1.desk.review',
  'hp.v1.event.opened.x',
  '_INBOX.broker.x',
  '_INBOX.other-agent.hint',
  '$JS.API.STREAM.PURGE.HP_LEDGER_1',
  '$JS.API.STREAM.MSG.GET.HP_PAYLOAD',
  '$JS.API.CONSUMER.CREATE.HP_LEDGER_1',
])('nats - an agent may not publish to %s', async (subject) => {
  expect(await violationOf(agent.nc, () => agent.nc.publish(subject, 'x'))).toMatch(
    /permissions? violation.*publish/i,
  )
})

test.each([
  '>',
  '_INBOX.>',
  '_INBOX.other-agent.>',
  'hp.v1.agent.>',
  'hp.v1.agent.support-agent.request',
  'hp.v1.event.>',
  'hp.v1.ledger.>',
  '$JS.>',
])('nats - an agent may not subscribe to %s', async (subject) => {
  expect(await violationOf(agent.nc, () => void agent.nc.subscribe(subject, { callback: () => {} }))).toMatch(
    /permissions? violation.*subscription/i,
  )
})

test.each([
  ['broker', 'hp.v1.trust.policy.9'],
  ['broker', '$JS.API.STREAM.PURGE.HP_LEDGER_1'],
  ['broker', '$JS.API.STREAM.DELETE.HP_LEDGER_1'],
  ['broker', '$JS.API.STREAM.UPDATE.HP_LEDGER_1'],
  ['broker', '$JS.API.STREAM.MSG.DELETE.HP_LEDGER_1'],
  ['pipeline', 'hp.v1.ledger.1.req.1-x.decided'],
  ['pipeline', 'hp.v1.trust.policy.9'],
  ['pipeline', '$JS.API.STREAM.MSG.GET.HP_PAYLOAD'],
  ['pipeline', '$JS.API.CONSUMER.CREATE.HP_PAYLOAD.x'],
  ['pipeline', '$JS.API.CONSUMER.CREATE.HP_PAYLOAD_KEY'],
  ['desk', 'hp.v1.ledger.1.req.1-x.decided'],
  ['desk', 'hp.v1.agent.support-agent.request'],
  ['desk', '$JS.API.STREAM.INFO.HP_LEDGER_1'],
  ['admin', 'hp.v1.ledger.1.req.1-x.decided'],
] as const)('nats - the role %s may not publish to %s', async (role, subject) => {
  const nc = await house.connect(role)
  expect(await violationOf(nc, () => nc.publish(subject, 'x'))).toMatch(/permissions? violation.*publish/i)
})

test('nats - nobody connects without credentials', async () => {
  const { connect } = await import('@nats-io/transport-node')
  await expect(connect({ servers: house.natsUrl, reconnect: false })).rejects.toThrow(/authorization/i)
})

test('nats - a ledger subject is written once, whoever writes', async () => {
  const { requestId } = await holdAction(agent)
  const js = jetstream(await house.connect('broker'))
  await expect(js.publish(`hp.v1.ledger.1.req.${requestId}.requested`, 'something else')).rejects.toThrow()
  const manager = await jetstreamManager(await house.connect('admin'))
  await expect(manager.streams.purge('HP_LEDGER_1')).rejects.toThrow()
  await expect(manager.streams.deleteMessage('HP_LEDGER_1', 1)).rejects.toThrow()
})
