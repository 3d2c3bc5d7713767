import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { eventSubject, PAYLOAD_KEY_STREAM, payloadKeySubject } from '#contract'
import { createDeadLetters } from '../../src/channels/dead-letters.ts'
import { RETRY_DELAYS_MS, retryAfterMs } from '../../src/channels/webhook/retry.ts'
import { eventually, holdAction } from '../support/held.ts'
import { createFakeLog, type FakeLog } from '../support/log.ts'
import { type Receiver, startReceiver, status } from './receiver.ts'
import { endpointOf, type Scene, startScene } from './scene.ts'

let scene: Scene
let log: FakeLog
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene?.stop())
beforeEach(() => {
  scene.receiver.received.length = 0
  scene.receiver.answer = status(204)
  log = createFakeLog()
})

const half = { random: () => 0.5 }
const requestsTo = (receiver: Receiver, count: number) =>
  eventually(
    async () => receiver.received,
    (all) => all.length >= count,
  )
const deadLettersOf = async (name: string) => createDeadLetters({ nc: scene.nc }).list(`webhook:${name}`)
const deadLetterOf = async (name: string) => {
  const letters = await eventually(
    () => deadLettersOf(name),
    (found) => found.length > 0,
  )
  return letters[0]
}
const retries = () => log.lines.filter(({ message }) => message.includes('it is tried again'))
const opened = (name: string, url = scene.receiver.url) => endpointOf({ name, url, events: ['opened'] })

test('webhook - a receiver that is down is tried later and later, then the event is a dead letter', async () => {
  const gone = await startReceiver()
  await gone.stop()
  const served = await scene.serve(
    { endpoints: [opened('down', gone.url)], retryDelaysMs: [10, 40, 90] },
    { ...half, log },
  )
  const { requestId } = await holdAction(scene.agent)
  const letter = await deadLetterOf('down')
  expect(letter).toMatchObject({ channel: 'webhook:down', event: 'opened', requestId, attempts: 4 })
  expect(letter?.reason).toBe('UNAVAILABLE: no answer: ECONNREFUSED')
  expect(retries().map(({ fields }) => [fields.attempt, fields.afterMs])).toEqual([
    [1, 10],
    [2, 40],
    [3, 90],
  ])
  expect(log.lines.find(({ level }) => level === 'error')?.fields).toMatchObject({
    endpoint: 'down',
    requestId,
  })
  await served.stop()
})

test('webhook - a dead letter holds nothing of what was asked for', async () => {
  scene.receiver.answer = status(500)
  const served = await scene.serve({ endpoints: [opened('bare')] }, { log })
  await holdAction(scene.agent)
  const letter = await deadLetterOf('bare')
  expect(Object.keys(letter ?? {}).sort()).toEqual(
    ['atMs', 'attempts', 'channel', 'event', 'reason', 'requestId'].sort(),
  )
  await served.stop()
})

test('webhook - an event of a request that there is not is a dead letter at once', async () => {
  const served = await scene.serve({ endpoints: [opened('nothing')], retryDelaysMs: [10, 10] }, { log })
  const broker = await scene.house.connect('broker')
  broker.publish(eventSubject('opened', '1-nothing'), '{}')
  expect(await deadLetterOf('nothing')).toMatchObject({
    requestId: '1-nothing',
    attempts: 1,
    reason: expect.stringMatching(/^UNKNOWN_REQUEST: /),
  })
  await served.stop()
})

test('webhook - an event of a request whose payload was erased is a dead letter, with that reason', async () => {
  const config = { endpoints: [opened('erased')], retryDelaysMs: [10, 10] }
  await (await scene.serve(config, { log })).stop()
  const { requestId } = await holdAction(scene.agent)
  const { streams } = await jetstreamManager(await scene.house.connect('admin'))
  const key = await streams.getMessage(PAYLOAD_KEY_STREAM, { last_by_subj: payloadKeySubject(requestId) })
  await streams.deleteMessage(PAYLOAD_KEY_STREAM, key?.seq ?? 0)
  const served = await scene.serve(config, { log })
  expect(await deadLetterOf('erased')).toMatchObject({
    requestId,
    attempts: 1,
    reason: expect.stringMatching(/^ERASED: .*erased/),
  })
  expect(scene.receiver.received).toEqual([])
  await served.stop()
})

test('webhook - an address that may not be sent to is a dead letter at once, and nobody is reached', async () => {
  const endpoint = endpointOf({ name: 'inside', url: scene.receiver.url, allow: ['10.0.0.1'] })
  const served = await scene.serve({ endpoints: [endpoint], retryDelaysMs: [10, 10] }, { log })
  await holdAction(scene.agent)
  expect(await deadLetterOf('inside')).toMatchObject({
    attempts: 1,
    reason: 'ADDRESS_REFUSED: 127.0.0.1 is not a public address, and `allow` does not name it',
  })
  expect(scene.receiver.received).toEqual([])
  await served.stop()
})

test('webhook - attempts are counted across restarts, and the same message id is used for each', async () => {
  const { receiver } = scene
  receiver.answer = status(500)
  const config = { endpoints: [opened('restarted')], retryDelaysMs: [60, 60] }
  const first = await scene.serve(config, { ...half, log })
  const { requestId } = await holdAction(scene.agent)
  await requestsTo(receiver, 1)
  await first.stop()
  const second = await scene.serve(config, { ...half, log })
  await requestsTo(receiver, 2)
  await second.stop()
  const third = await scene.serve(config, { ...half, log })
  expect(await deadLetterOf('restarted')).toMatchObject({ attempts: 3, reason: 'it answered 500' })
  expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(
    Array(3).fill(`opened_${requestId}`),
  )
  await third.stop()
})

test('webhook - an attempt that outlives the patience of a stop is broken off and made again', async () => {
  const { receiver } = scene
  receiver.answer = () => {}
  // Not even where it was the last one: we hung up, they did not fail.
  const config = { endpoints: [opened('hanging')], retryDelaysMs: [], drainMs: 50 }
  const first = await scene.serve(config, { ...half, log })
  await holdAction(scene.agent)
  await requestsTo(receiver, 1)
  await first.stop()
  receiver.answer = status(204)
  const second = await scene.serve(config, { ...half, log })
  await requestsTo(receiver, 2)
  await second.stop()
  expect(await deadLettersOf('hanging')).toEqual([])
})

test('webhook - a receiver that does not answer in time has failed', async () => {
  scene.receiver.answer = () => {}
  const served = await scene.serve({ endpoints: [opened('mute')], timeoutMs: 60 }, { log })
  await holdAction(scene.agent)
  expect((await deadLetterOf('mute'))?.reason).toMatch(/^UNAVAILABLE: no answer/)
  await served.stop()
})

test('webhook - 410 Gone ends it: no further attempt, a dead letter, and a loud log', async () => {
  const { receiver } = scene
  receiver.answer = status(410)
  const served = await scene.serve({ endpoints: [opened('gone')], retryDelaysMs: [10, 10] }, { log })
  await holdAction(scene.agent)
  expect(await deadLetterOf('gone')).toMatchObject({ attempts: 1 })
  await eventually(
    async () => log.lines,
    (lines) => lines.some(({ level, message }) => level === 'error' && message.includes('endpoint disabled')),
  )
  receiver.answer = status(204)
  await holdAction(scene.agent)
  await served.stop()
  expect(receiver.received).toHaveLength(1)
})

test('webhook - a redirect is not followed, wherever it leads', async () => {
  const { receiver } = scene
  receiver.answer = status(302, { location: `http://127.0.0.1:${receiver.port}/elsewhere` })
  const served = await scene.serve({ endpoints: [opened('moved')] }, { log })
  await holdAction(scene.agent)
  expect((await deadLetterOf('moved'))?.reason).toBe('302: redirects are not followed')
  expect(receiver.received.map(({ path }) => path)).toEqual(['/hook'])
  await served.stop()
})

test('webhook - an endless answer is not read', async () => {
  const { receiver } = scene
  let written = 0
  let ended = false
  receiver.answer = (response) => {
    const chunk = Buffer.alloc(64 * 1024)
    response.writeHead(200)
    const write = (): void => {
      while (!ended && response.write(chunk)) written += chunk.length
      written += chunk.length
    }
    response.on('drain', write)
    response.on('close', () => {
      ended = true
    })
    write()
  }
  const served = await scene.serve({ endpoints: [opened('endless')] }, { log })
  await holdAction(scene.agent)
  await eventually(
    async () => ended,
    (is) => is,
  )
  await served.stop()
  expect(written).toBeLessThan(16 * 2 ** 20)
  expect(await deadLettersOf('endless')).toEqual([])
})

test('webhook - a receiver that asks for time gets it, within bounds', async () => {
  const { receiver } = scene
  receiver.answer = status(429, { 'retry-after': '2' })
  const served = await scene.serve({ endpoints: [opened('busy')], retryDelaysMs: [10, 10] }, { ...half, log })
  await holdAction(scene.agent)
  await eventually(
    async () => retries(),
    (lines) => lines.length > 0,
  )
  expect(retries()[0]?.fields.afterMs).toBeGreaterThan(1_900)
  expect(retries()[0]?.fields.afterMs).toBeLessThanOrEqual(2_000)
  await served.stop()
})

test('webhook - the schedule is eight attempts within about a day, each wait longer than the one before', () => {
  expect(RETRY_DELAYS_MS).toHaveLength(7)
  expect([...RETRY_DELAYS_MS].sort((a, b) => a - b)).toEqual(RETRY_DELAYS_MS)
  const sum = RETRY_DELAYS_MS.reduce((total, one) => total + one, 0)
  expect(sum / 3_600_000).toBeGreaterThan(20)
  expect(sum / 3_600_000).toBeLessThan(26)
})

test.each([
  ['least', 1_000, undefined, 0, 800],
  ['most', 1_000, undefined, 1, 1_200],
  ['asked for less', 60_000, 5_000, 0.5, 60_000],
  ['asked for more', 5_000, 60_000, 0.5, 60_000],
  ['asked for a year', 5_000, 365 * 86_400_000, 0.5, 3_600_000],
  ['asked for the past', 5_000, -1_000, 0.5, 5_000],
])('webhook - waiting: %s', (_, scheduledMs, inMs, random, expected) => {
  const now = () => 1_000_000
  const notBeforeMs = inMs === undefined ? undefined : now() + inMs
  expect(retryAfterMs(scheduledMs, notBeforeMs, { now, random: () => random })).toBe(expected)
})
