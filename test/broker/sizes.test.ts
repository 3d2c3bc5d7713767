import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type JsonValue,
  MAX_DEPTH,
  PAYLOAD_KEY_STREAM,
  PAYLOAD_STREAM,
  type RequestedEntry,
  renderHash,
} from '#contract'
import { createChannelDesk, createDesk, everyRequest } from '#desk'
import { createPayloads } from '../../src/broker/request/payload.ts'
import { createServing } from '../../src/broker/serving.ts'
import { createRequests } from '../../src/broker/state/requests.ts'
import { createMeasures } from '../../src/broker/telemetry.ts'
import { codeOf, consumeOf, holdAction, newNonce, reviewAs } from '../support/held.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'
import { createFakeLog } from '../support/log.ts'
import { startNats } from '../support/nats.ts'

const MEGABYTE = 1_000_000
let house: House
let agent: TestAgent
let bob: string
beforeAll(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
  bob = house.token('bob')
})
afterAll(() => house.stop())

/** As much of a value as the broker takes in one call. */
const upTo = (bytes: number, value: string): string =>
  value.repeat(Math.floor((bytes - 2_000) / (Buffer.byteLength(JSON.stringify(value)) - 2)))

/** An object in which the call, attempt, action and arguments leave so many levels. */
function nested(levels: number): JsonValue {
  let value: JsonValue = 'bottom'
  for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { '__proto__ ': value }
  return value
}
const LEVELS_OF_A_CALL = 3

test.each<[string, JsonValue]>([
  ['a megabyte of plain text', upTo(MEGABYTE, 'a')],
  ['a megabyte of what has to be escaped', upTo(MEGABYTE, '\u0000\u001b\u202e"\\')],
  ['a megabyte of emojis', upTo(MEGABYTE, '😀')],
  ['two hundred thousand numbers', Array.from({ length: 180_000 }, (_, at) => at % 9)],
  ['fifty thousand members', Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`key-${at}`, 1]))],
])('sizes - an action with %s is held, shown, decided and consumed', async (_, value) => {
  const held = await holdAction(agent, attemptOf({ arguments: value }))
  const { requestId } = held
  const shown = await house.desk.show(bob, requestId)
  expect(shown.card.action.arguments).toEqual(value)
  expect(renderHash(shown.card)).toBe(shown.renderHash)
  const channel = createChannelDesk({ nc: await house.connect('channel') })
  expect((await channel.show(requestId)).renderHash).toBe(shown.renderHash)
  expect(await house.desk.explain(bob, { requestId })).toMatchObject({ ruling: { effect: 'hold' } })
  expect(await reviewAs(house, 'bob', requestId)).toMatchObject({ state: 'approved' })
  const nonce = newNonce()
  await consumeOf(agent, held, nonce)
  expect(await agent.call('outcome', { requestId, nonce, outcome: 'executed' })).toEqual({})
})

test.each([
  ['as deep as a call may be', MAX_DEPTH - LEVELS_OF_A_CALL, 'held'],
  ['one level deeper', MAX_DEPTH - LEVELS_OF_A_CALL + 1, 'INVALID_INPUT'],
] as const)('sizes - arguments nested %s: %s', async (_, levels, outcome) => {
  const attempt = attemptOf({ arguments: nested(levels) })
  const call = agent.call<{ status: string; requestId: string }>('request', {
    process: agent.process,
    attempt,
  })
  if (outcome !== 'held') return expect(await codeOf(call)).toBe(outcome)
  const { status, requestId } = await call
  expect(status).toBe('held')
  const { card } = await house.desk.show(bob, requestId)
  expect(card.action.arguments).toEqual(nested(levels))
})

test.each<[string, JsonValue]>([
  ['plain text', 'a'.repeat(MEGABYTE)],
  ['what has to be escaped', '\u0000'.repeat(MEGABYTE / 6)],
])('sizes - an action beyond the bound with %s is refused, and names both numbers', async (_, value) => {
  const attempt = attemptOf({ arguments: value })
  await expect(agent.call('request', { process: agent.process, attempt })).rejects.toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
    message: expect.stringMatching(/^request: \d{7} bytes, expected at most 1000000$/),
  })
})

test('sizes - on a server that takes less, the payload is refused for what it is, not as an outage', async () => {
  const nats = await startNats()
  const nc = await connect({ servers: nats.url })
  const manager = await jetstreamManager(nc)
  for (const [name, subjects] of [
    [PAYLOAD_STREAM, 'hp.v1.payload.>'],
    [PAYLOAD_KEY_STREAM, 'hp.v1.payload-key.>'],
  ] as const)
    await manager.streams.add({ name, subjects: [subjects] })
  const payloads = createPayloads(Buffer.alloc(32, 1), { nc })
  expect(await codeOf(payloads.create('1-x', 'request', 'a'.repeat(1_050_000)))).toBe('PAYLOAD_TOO_LARGE')
  await expect(payloads.create('1-y', 'request', 'a'.repeat(1_000_000))).resolves.toHaveLength(1_000_000)
  await nc.close()
  await nats.stop()
})

test('sizes - an answer that does not pass the line is a refusal, and no silence', async () => {
  const nats = await startNats()
  const nc = await connect({ servers: nats.url })
  const log = createFakeLog()
  const keySet = (letters: number) => ({ jws: 'a'.repeat(letters), document: { origin: 'x', keys: [] } })
  let letters = 2_000_000
  const serving = createServing({ nc, agents: nc }, {
    config: { maxPayloadBytes: MEGABYTE },
    assertOpen: () => {},
    documents: { keySet: () => keySet(letters) },
    measures: createMeasures(),
    maxReplyBytes: () => nc.info?.max_payload ?? 0,
    log,
  } as never)
  await serving.start()
  const caller = await connect({ servers: nats.url, inboxPrefix: '_INBOX.desk' })
  const desk = createDesk({ nc: caller })
  await expect(desk.trust()).rejects.toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
    message: expect.stringContaining('NATS takes at most 1048576'),
  })
  letters = 1_000_000
  expect((await desk.trust()).keySet).toHaveLength(letters)
  await serving.stop()
  await Promise.all([nc.close(), caller.close()])
  await nats.stop()
})

const somebody = { iss: 'https://idp.example.com', sub: 'somebody', name: 'Somebody' }
const approvals = { threshold: 1, from: ['oncall'], assurance: 'login' }
const REQUESTED = {
  ...{ type: 'requested', kind: 'tool', agent: somebody, owner: somebody, environment: 'prod' },
  ...{ at: 1, expiresAt: 2, ruling: { rule: 'hold-all' }, approvals },
} as unknown as RequestedEntry

test('sizes - long names make pages shorter, and every request is on one', async () => {
  const nats = await startNats()
  const nc = await connect({ servers: nats.url })
  const requests = createRequests()
  const ids = Array.from({ length: 200 }, (_, index) => `1-${index}`)
  for (const [index, requestId] of ids.entries())
    requests.apply(
      { ...REQUESTED, requestId, name: '\u0001'.repeat(500), target: '\u0001'.repeat(2_000) },
      { index, leafHash: '' },
    )
  const serving = createServing({ nc, agents: nc }, {
    config: { maxPayloadBytes: MEGABYTE },
    assertOpen: () => {},
    identity: { verifyToken: async () => ({}) },
    requests,
    measures: createMeasures(),
    maxReplyBytes: () => nc.info?.max_payload ?? 0,
    log: createFakeLog(),
  } as never)
  await serving.start()
  const caller = await connect({ servers: nats.url, inboxPrefix: '_INBOX.desk' })
  const found: string[] = []
  for await (const { requestId } of everyRequest(createDesk({ nc: caller }), 'token', {}))
    found.push(requestId)
  expect(found).toEqual(ids)
  await serving.stop()
  await Promise.all([nc.close(), caller.close()])
  await nats.stop()
})

test.each(['hello', 'claim', 'consume', 'outcome', 'cancel'] as const)(
  'sizes - a %s as large as an action is not even read',
  async (call) => {
    const asked = agent.call(call, { process: agent.process, waste: 'x'.repeat(20_000) })
    await expect(asked).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      message: expect.stringMatching(new RegExp(`^${call}: 20\\d\\d\\d bytes, expected at most 16000$`)),
    })
  },
)
