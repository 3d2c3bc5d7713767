import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  DEAD_LETTER_STREAM,
  DEAD_LETTERS,
  deadLetterSubject,
  EVENT_STREAM,
  EVENTS,
  eventSubject,
} from '#contract'
import { holdAction, reviewAs } from '../support/held.ts'
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
  'hp.v1.channel.review',
  'hp.v1.channel.show',
  'hp.v1.dead-letter.ops.opened.x',
  'hp.v1.event.opened.x',
  'hp.v1.telemetry.0.traces',
  'hp.v1.telemetry-cursor.0',
  'hp.v1.finding.missing.x.y',
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
  ['pipeline', 'hp.v1.event.opened.x'],
  ['pipeline', 'hp.v1.checkpoint.1'],
  ...['HP_TELEMETRY', 'HP_TELEMETRY_CURSOR', 'HP_TELEMETRY_DEAD', 'HP_FINDING'].flatMap((stream) =>
    ['CONSUMER.CREATE', 'CONSUMER.DURABLE.CREATE', 'STREAM.UPDATE', 'STREAM.DELETE'].map(
      (call) => ['pipeline', `$JS.API.${call}.${stream}`] as const,
    ),
  ),
  ['pipeline', '$JS.API.CONSUMER.CREATE.HP_TELEMETRY.x.hp.v1.telemetry.0.traces'],
  ...['HP_EVENT', 'HP_TRUST', 'HP_CHECKPOINT', 'HP_DEAD_LETTER'].map(
    (stream) => ['pipeline', `$JS.API.CONSUMER.CREATE.${stream}.x`] as const,
  ),
  ['pipeline', '$JS.API.STREAM.PURGE.HP_TELEMETRY_CURSOR'],
  ['pipeline', '$JS.API.STREAM.PURGE.HP_TELEMETRY_DEAD'],
  ['pipeline', '$JS.API.STREAM.MSG.DELETE.HP_TELEMETRY'],
  ['desk', 'hp.v1.telemetry.0.traces'],
  ['channel', 'hp.v1.finding.missing.x.y'],
  ['broker', 'hp.v1.telemetry-cursor.0'],
  ['desk', 'hp.v1.ledger.1.req.1-x.decided'],
  ['desk', 'hp.v1.agent.support-agent.request'],
  ['desk', '$JS.API.STREAM.INFO.HP_LEDGER_1'],
  ['desk', 'hp.v1.channel.review'],
  ['desk', 'hp.v1.channel.show'],
  ['desk', 'hp.v1.dead-letter.ops.opened.x'],
  ['desk', 'hp.v1.event.opened.x'],
  ['desk', '$JS.API.CONSUMER.CREATE.HP_EVENT.x'],
  ['pipeline', 'hp.v1.channel.review'],
  ['broker', 'hp.v1.dead-letter.ops.opened.x'],
  ['admin', 'hp.v1.channel.review'],
  ['channel', 'hp.v1.desk.review'],
  ['channel', 'hp.v1.desk.list'],
  ['channel', 'hp.v1.agent.support-agent.cancel'],
  ['channel', 'hp.v1.ledger.1.req.1-x.decided'],
  ['channel', 'hp.v1.payload.1-x.request'],
  ['channel', 'hp.v1.payload-key.1-x'],
  ['channel', 'hp.v1.trust.policy.9'],
  ['channel', 'hp.v1.checkpoint.1'],
  ['channel', 'hp.v1.event.opened.x'],
  ['channel', '_INBOX.broker.x'],
  ['channel', '_INBOX.desk.x'],
  ['channel', '_INBOX.support-agent.hint'],
  ['channel', '$JS.ACK.HP_LEDGER_1.x.1.1.1.1.0'],
  ...['HP_LEDGER_1', 'HP_PAYLOAD', 'HP_PAYLOAD_KEY', 'HP_TRUST', 'HP_CHECKPOINT'].flatMap((stream) =>
    ['STREAM.MSG.GET', 'STREAM.INFO', 'STREAM.PURGE', 'CONSUMER.CREATE'].map(
      (call) => ['channel', `$JS.API.${call}.${stream}`] as const,
    ),
  ),
  ['channel', '$JS.API.CONSUMER.CREATE.HP_LEDGER_1.x'],
  ['channel', '$JS.API.CONSUMER.CREATE.HP_PAYLOAD.x.hp.v1.payload.>'],
  ['channel', '$JS.API.CONSUMER.CREATE.HP_DEAD_LETTER.x'],
  ['channel', '$JS.API.CONSUMER.DURABLE.CREATE.HP_DEAD_LETTER.x'],
  ['channel', '$JS.API.STREAM.UPDATE.HP_EVENT'],
  ['channel', '$JS.API.STREAM.PURGE.HP_EVENT'],
  ['channel', '$JS.API.STREAM.MSG.DELETE.HP_EVENT'],
  ['channel', '$JS.API.STREAM.DELETE.HP_DEAD_LETTER'],
  ['channel', '$JS.API.STREAM.MSG.DELETE.HP_DEAD_LETTER'],
  ['channel', '$JS.API.STREAM.CREATE.HP_OTHER'],
  ['admin', 'hp.v1.ledger.1.req.1-x.decided'],
] as const)('nats - the role %s may not publish to %s', async (role, subject) => {
  const nc = await house.connect(role)
  expect(await violationOf(nc, () => nc.publish(subject, 'x'))).toMatch(/permissions? violation.*publish/i)
})

test.each([
  ['channel', '>'],
  ['channel', 'hp.v1.event.>'],
  ['channel', 'hp.v1.channel.*'],
  ['channel', 'hp.v1.desk.*'],
  ['channel', 'hp.v1.dead-letter.>'],
  ['channel', 'hp.v1.ledger.>'],
  ['channel', '_INBOX.>'],
  ['channel', '_INBOX.desk.>'],
  ['channel', '_INBOX.broker.>'],
  ['desk', 'hp.v1.channel.*'],
  ['desk', '_INBOX.channel.>'],
  ['pipeline', 'hp.v1.channel.*'],
] as const)('nats - the role %s may not subscribe to %s', async (role, subject) => {
  const nc = await house.connect(role)
  expect(await violationOf(nc, () => void nc.subscribe(subject, { callback: () => {} }))).toMatch(
    /permissions? violation.*subscription/i,
  )
})

test('nats - a channel pulls events, acknowledges them, and goes on where it was', async () => {
  const nc = await house.connect('channel')
  const manager = await jetstreamManager(nc, { checkAPI: false })
  const durable = { name: 'ops', durable_name: 'ops', filter_subject: EVENTS }
  await manager.consumers.add(EVENT_STREAM, { ...durable, ack_policy: 'explicit', deliver_policy: 'new' })
  const nextOf = async (connection: NatsConnection) => {
    const consumer = await jetstream(connection).consumers.get(EVENT_STREAM, 'ops')
    const message = await consumer.next({ expires: 1_000 })
    expect(await message?.ackAck()).toBe(true)
    return message?.subject
  }
  const { requestId } = await holdAction(agent)
  expect(await nextOf(nc)).toBe(eventSubject('opened', requestId))
  await reviewAs(house, 'bob', requestId, 'deny')
  expect(await nextOf(await house.connect('channel'))).toMatch(`hp.v1.event.reviewed.${requestId}.`)
  expect(await nextOf(nc)).toBe(eventSubject('decided', requestId))
})

test('nats - a channel leaves dead letters, and reads them one by one', async () => {
  const nc = await house.connect('channel')
  const js = jetstream(nc)
  for (const event of ['opened', 'decided', 'decided'] as const)
    await js.publish(deadLetterSubject('ops', event, '1-x'), JSON.stringify({ event }))
  const { streams } = await jetstreamManager(nc, { checkAPI: false })
  const { state } = await streams.info(DEAD_LETTER_STREAM)
  expect(state.messages).toBe(2)
  const letters: string[] = []
  for (let seq = 1; ; ) {
    const query = { seq, next_by_subj: DEAD_LETTERS }
    const letter = await streams.getMessage(DEAD_LETTER_STREAM, query).catch(() => null)
    if (!letter) break
    letters.push(letter.subject)
    seq = letter.seq + 1
  }
  expect(letters).toEqual([
    deadLetterSubject('ops', 'opened', '1-x'),
    deadLetterSubject('ops', 'decided', '1-x'),
  ])
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
