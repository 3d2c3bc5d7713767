import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { FILES } from '#broker'
import { webhookCommands } from '#channels'
import { type Alarm, alarmSubject, eventSubject, type WebhookAlarm } from '#contract'
import { runProgram } from '#runtime'
import { createDeadLetters, deadLetterId } from '../../src/channels/dead-letters.ts'
import { validatorOf } from '../api/documented.ts'
import { eventually, holdAction } from '../support/held.ts'
import { createFakeIo } from '../support/io.ts'
import { createFakeLog } from '../support/log.ts'
import { status } from './receiver.ts'
import { endpointOf, messagesOf, type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene?.stop())
beforeEach(() => {
  scene.receiver.received.length = 0
  scene.receiver.answer = status(204)
})

const ALARM: Alarm = {
  ...{
    kind: 'frozen',
    atMs: 1_790_000_000_000,
    text: 'Sam has frozen the agent support.',
    agentId: 'support',
  },
  by: { iss: 'https://idp.example.com', sub: 'sam', name: 'Sam' },
}
const received = (count: number) =>
  eventually(
    async () => scene.receiver.received,
    (all) => all.length >= count,
  )
/** As a broker would say it. */
async function say(subject: string, data: unknown): Promise<void> {
  const broker = await scene.house.connect('broker')
  broker.publish(subject, typeof data === 'string' ? data : JSON.stringify(data))
  await broker.flush()
}
const hook = (name: string, events: ('opened' | 'escalated' | 'alarm')[]) =>
  endpointOf({ name, url: scene.receiver.url, events })

test('webhook - an alarm comes signed, as it was raised, under one id', async () => {
  const served = await scene.serve({ endpoints: [hook('alarms', ['alarm'])] })
  await say(alarmSubject('frozen', 'support.1'), ALARM)
  const [first] = await received(1)
  const message = JSON.parse(first?.body ?? '') as WebhookAlarm
  expect(message).toEqual({ type: 'alarm', timestamp: '2026-09-21T14:13:20.000Z', data: ALARM })
  expect(first?.headers['webhook-id']).toBe('alarm_frozen_support_1')
  const validate = validatorOf('WebhookAlarm')
  expect([validate(message), validate({ ...message, data: { kind: 'frozen' } })]).toEqual([true, false])
  await served.stop()
})

test('webhook - each step of an escalation is told once, with the request as it is', async () => {
  const served = await scene.serve({ endpoints: [hook('steps', ['escalated'])] })
  const { requestId } = await holdAction(scene.agent)
  for (const step of [1, 2]) await say(eventSubject('escalated', requestId, step), {})
  const all = await received(2)
  expect(all.map(({ headers }) => headers['webhook-id']).sort()).toEqual([
    `escalated_${requestId}_1`,
    `escalated_${requestId}_2`,
  ])
  for (const message of messagesOf(scene.receiver))
    expect(message).toMatchObject({
      type: 'request.escalated',
      data: { request: { requestId, state: 'pending' } },
    })
  await served.stop()
})

test('webhook - whoever asked for neither hears of neither, and of nothing that this version does not know', async () => {
  const served = await scene.serve({ endpoints: [hook('quiet', ['opened'])] })
  await say(alarmSubject('quota', 'support.2'), ALARM)
  await say('hp.v1.event.invented.1-abc', {})
  await say(eventSubject('escalated', '1-abc', 1), {})
  const { requestId } = await holdAction(scene.agent)
  await received(1)
  expect(messagesOf(scene.receiver).map(({ type, data }) => [type, data.request.requestId])).toEqual([
    ['request.opened', requestId],
  ])
  await served.stop()
})

test('webhook - an alarm that is none keeps no other back, and is passed over', async () => {
  const log = createFakeLog()
  const served = await scene.serve({ endpoints: [hook('broken', ['alarm'])] }, { log })
  for (const [at, data] of ['{', '{}', JSON.stringify({ ...ALARM, text: 7 })].entries())
    await say(alarmSubject('drift', `broken.${at}`), data)
  await say(alarmSubject('drift', 'sound'), ALARM)
  await received(1)
  expect(scene.receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(['alarm_drift_sound'])
  expect(log.lines.filter(({ message }) => message.includes('passed over'))).toHaveLength(3)
  await served.stop()
})

test('webhook - what could not be delivered is kept apart, step by step, and sent again whole', async () => {
  scene.receiver.answer = status(500)
  const served = await scene.serve(
    { endpoints: [hook('late', ['alarm', 'escalated'])] },
    { log: createFakeLog() },
  )
  const { requestId } = await holdAction(scene.agent)
  for (const step of [1, 2]) await say(eventSubject('escalated', requestId, step), {})
  await say(alarmSubject('frozen', 'support.9'), ALARM)
  const letters = await eventually(
    () => createDeadLetters({ nc: scene.nc }).list('webhook:late'),
    (found) => found.length === 3,
  )
  await served.stop()
  expect(letters.map(deadLetterId).sort()).toEqual([
    'late/alarm/frozen.support.9',
    `late/escalated/${requestId}.1`,
    `late/escalated/${requestId}.2`,
  ])

  scene.receiver.answer = status(204)
  scene.receiver.received.length = 0
  const { house } = scene
  const { url, secret } = hook('late', ['alarm'])
  const io = createFakeIo({
    env: {
      HOLDPOINT_DATA_DIR: house.home.dir,
      HOLDPOINT_CHANNELS_WEBHOOKS: JSON.stringify([{ name: 'late', url, secret, allow: ['127.0.0.1'] }]),
    },
    cwd: house.home.dir,
    nowMs: Date.now(),
  })
  const commands = webhookCommands({ credentials: () => house.home.read(FILES.credentials('channel')) })
  const program = { name: 'holdpoint', version: '0', summary: '', commands }
  expect([await runProgram(program, ['webhooks', 'replay', '--all'], io), io.err()]).toEqual([0, ''])
  const again = scene.receiver.received.map(({ headers }) => headers['webhook-id']).sort()
  expect(again).toEqual(['alarm_frozen_support_9', `escalated_${requestId}_1`, `escalated_${requestId}_2`])
  const alarm = scene.receiver.received.find(({ headers }) => headers['webhook-id']?.startsWith('alarm'))
  expect(JSON.parse(alarm?.body ?? '')).toMatchObject({ type: 'alarm', data: ALARM })
})
