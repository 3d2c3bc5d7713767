import { type JetStreamManager, jetstreamManager, type StreamConfig } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { ALARMS, type Alarm, ledgerStream, PAYLOAD_KEY_STREAM, PAYLOAD_STREAM } from '#contract'
import { streamsOf } from '../../src/broker/enrolment/provision.ts'
import { createDrift, type Drift, whileOpen } from '../../src/broker/history/drift.ts'
import { codeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { type House, startHouse } from '../support/house.ts'
import { createFakeLog, type FakeLog } from '../support/log.ts'
import { startOlderServer } from '../support/older-server.ts'

const EVERY_MS = 1_000
type Stream = ReturnType<typeof streamsOf>[number]
let house: House
let manager: JetStreamManager
beforeAll(async () => {
  house = await startHouse({ broker: false })
  manager = await jetstreamManager(await house.connect('admin'))
})
afterAll(() => house.stop())

/** Each test has a ledger of its own: some settings can be made worse, and never better again. */
let epoch = 100
let log: FakeLog
let drift: Drift
let opened: number
let nowMs: number
beforeEach(async () => {
  epoch++
  log = createFakeLog()
  opened = 0
  nowMs = 1_800_000_000_000
  const [ledger] = streamsOf(epoch, 1)
  await manager.streams.add(ledger as Stream)
})
afterEach(async () => {
  await drift.stop()
  await manager.streams.delete(ledgerStream(epoch)).catch(() => {})
})

async function watch(nc?: NatsConnection, config: { replicas?: number; anyServerVersion?: boolean } = {}) {
  drift = createDrift(
    { epochs: () => [epoch], replicas: 1, everyMs: 3_600_000, anyServerVersion: true, ...config },
    { nc: nc ?? (await house.connect('broker')), now: () => nowMs, log, onOpen: () => opened++ },
  )
  return drift
}

async function update(change: Record<string, unknown>, stream = ledgerStream(epoch)): Promise<void> {
  const { config } = await manager.streams.info(stream)
  await manager.streams.update(stream, { ...config, ...change } as Partial<StreamConfig>)
}

/** What is changed, and what mends it, where it can be mended at all. */
const SETTINGS: [string, Record<string, unknown>, Record<string, unknown>?][] = [
  ['max_age', { max_age: 60_000_000_000, duplicate_window: 60_000_000_000 }, { max_age: 0 }],
  ['max_msgs', { max_msgs: 1_000 }, { max_msgs: -1 }],
  ['max_bytes', { max_bytes: 100_000 }, { max_bytes: -1 }],
  ['max_msg_size', { max_msg_size: 200 }, { max_msg_size: -1 }],
  ['max_msgs_per_subject', { max_msgs_per_subject: 2 }, { max_msgs_per_subject: 1 }],
  [
    'discard',
    { discard: 'old', discard_new_per_subject: false },
    { discard: 'new', discard_new_per_subject: true },
  ],
  ['discard_new_per_subject', { discard_new_per_subject: false }, { discard_new_per_subject: true }],
  ['no_ack', { no_ack: true }, { no_ack: false }],
  ['allow_direct', { allow_direct: true }, { allow_direct: false }],
  ['subjects', { subjects: ['hp.v1.elsewhere.>'] }],
  ['republish', { republish: { src: '>', dest: 'copy.>' } }],
  ['subject_transform', { subject_transform: { src: '>', dest: 'x.>' } }],
  ['sources', { sources: [{ name: 'HP_DEAD_LETTER' }] }],
  ['allow_msg_ttl', { allow_msg_ttl: true }],
  ['sealed', { sealed: true }],
]

test.each(SETTINGS)(
  'drift - %s of the ledger, changed under a running broker, closes it, by name; mended, it opens again',
  async (setting, change, back) => {
    const { look, assertOpen, start } = await watch()
    await start()
    expect(assertOpen).not.toThrow()
    await update(change)
    await look()
    const stream = ledgerStream(epoch)
    expect(assertOpen).toThrow(new RegExp(`nothing is decided: .*stream ${stream}: ${setting} is `))
    const errors = log.lines.filter(({ level }) => level === 'error').map(({ fields }) => String(fields.what))
    expect(errors.some((what) => what.startsWith(`stream ${stream}: ${setting} is `))).toBe(true)
    if (!back) return
    expect(opened).toBe(0)
    await update(back)
    await look()
    expect(assertOpen).not.toThrow()
    expect(opened).toBe(1)
  },
)

test.each([PAYLOAD_STREAM, PAYLOAD_KEY_STREAM])('drift - of %s closes the broker, too', async (stream) => {
  const { look, assertOpen, start } = await watch()
  await start()
  await update({ max_msgs: 5 }, stream)
  await look()
  expect(assertOpen).toThrow(`stream ${stream}: max_msgs is 5, expected -1`)
  await update({ max_msgs: -1 }, stream)
  await look()
  expect(assertOpen).not.toThrow()
})

test('drift - a ledger that is gone closes the broker at once', async () => {
  const { look, assertOpen, start } = await watch()
  await start()
  await manager.streams.delete(ledgerStream(epoch))
  await look()
  expect(assertOpen).toThrow(`stream ${ledgerStream(epoch)} is not there any more`)
})

test('drift - a ledger on fewer servers than configured is drift', async () => {
  await expect((await watch(undefined, { replicas: 3 })).start()).rejects.toMatchObject({
    code: 'LEDGER_UNAVAILABLE',
    message: expect.stringContaining('num_replicas is 1, expected 3'),
  })
})

test('drift - a broker does not start on a ledger that has drifted, and raises the alarm first', async () => {
  const alarms: { subject: string; alarm: Alarm }[] = []
  const desk = await house.connect('desk')
  desk.subscribe(ALARMS, {
    callback: (_, message) => {
      alarms.push({ subject: message.subject, alarm: message.json() })
    },
  })
  await desk.flush()
  await update({ max_bytes: 500_000 })
  const starting = (await watch()).start()
  await expect(starting).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE', retryable: true })
  await eventually(
    async () => alarms,
    ({ length }) => length > 0,
  )
  expect(alarms).toEqual([
    {
      subject: `hp.v1.event.alarm.drift.${ledgerStream(epoch)}.max_bytes.${Math.floor(nowMs / 60_000)}`,
      alarm: {
        kind: 'drift',
        atMs: nowMs,
        text: expect.stringContaining('max_bytes is 500000, expected -1'),
      },
    },
  ])
})

test('drift - one alarm for one fault, however often it is seen; another fault raises another', async () => {
  const { look, start } = await watch()
  await start()
  await update({ max_bytes: 500_000 })
  await look()
  await look()
  await update({ max_msgs: 10 })
  await look()
  const raised = log.lines.filter(({ level }) => level === 'error').map(({ fields }) => fields.what)
  expect(raised).toHaveLength(2)
  expect(raised[1]).toContain('max_msgs')
})

test('drift - settings that nobody can read close the broker after some intervals, and not before', async () => {
  const nc = await house.connect('broker')
  drift = createDrift(
    { epochs: () => [epoch], replicas: 1, everyMs: EVERY_MS, anyServerVersion: true },
    { nc, now: () => nowMs, log, onOpen: () => opened++ },
  )
  await drift.start()
  await nc.close()
  nowMs += 5 * EVERY_MS
  await drift.look()
  expect(drift.assertOpen).not.toThrow()
  nowMs += 1
  await drift.look()
  expect(drift.assertOpen).toThrow("the settings of the ledger's streams have not been readable for 5 s")
})

test('drift - a broker that cannot read them does not start', async () => {
  const nc = await house.connect('broker')
  await nc.close()
  await expect((await watch(nc)).start()).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
})

test('drift - a server with known faults is refused, unless somebody answers for it', async () => {
  const older = await startOlderServer(house.natsUrl, '2.12.3')
  try {
    const nc = await house.connect('broker', older.url)
    await expect((await watch(nc, { anyServerVersion: false })).start()).rejects.toThrow(
      /nats-server 2\.12\.3 has known faults, expected 2\.12\.15/,
    )
    await (await watch(nc)).start()
    expect(drift.assertOpen).not.toThrow()
  } finally {
    older.stop()
  }
})

test('drift - an entry of a call that was under way is not written any more', async () => {
  const { look, start } = await watch()
  await start()
  const written: string[] = []
  const ledger = whileOpen({ commit: async (subject) => written.push(subject) as never }, drift)
  await ledger.commit('before', {} as never)
  await update({ max_msgs: 10 })
  await look()
  expect(await codeOf(ledger.commit('after', {} as never))).toBe('LEDGER_UNAVAILABLE')
  expect(written).toEqual(['before'])
})

test('drift - a running broker answers no call but heartbeats until it is mended, and then goes on', async () => {
  const running = await startHouse({ driftMs: 20 })
  try {
    const agent = await running.agent('support-agent')
    const { requestId } = await holdAction(agent)
    const { streams } = await jetstreamManager(await running.connect('admin'))
    await streams.update('HP_LEDGER_1', { max_bytes: 1_000_000 })
    const hello = () => codeOf(agent.call('hello', { process: agent.process })).catch(() => 'answered')
    await eventually(hello, (code) => code === 'LEDGER_UNAVAILABLE')
    expect(await codeOf(holdAction(agent))).toBe('LEDGER_UNAVAILABLE')
    expect(await codeOf(reviewAs(running, 'bob', requestId))).toBe('LEDGER_UNAVAILABLE')
    expect(await codeOf(agent.call('claim', { requestId }))).toBe('LEDGER_UNAVAILABLE')
    expect(await agent.call('heartbeat', { process: agent.process, waiting: [] })).toMatchObject({
      settled: [],
    })
    await streams.update('HP_LEDGER_1', { max_bytes: -1 })
    await eventually(hello, (code) => code === 'answered')
    expect(await reviewAs(running, 'bob', requestId)).toMatchObject({ state: 'approved' })
  } finally {
    await running.stop()
  }
})
