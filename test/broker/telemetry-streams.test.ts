import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { provisionStreams } from '#broker'
import { TELEMETRY_CURSOR_STREAM, TELEMETRY_STREAM } from '#contract'
import { type House, startHouse } from '../support/house.ts'

const EPOCH = 1
let house: House
beforeAll(async () => {
  house = await startHouse({ broker: false })
})
afterAll(() => house?.stop())

const sizeNow = async () => {
  const { streams } = await jetstreamManager(await house.connect('admin'))
  return (await streams.info(TELEMETRY_STREAM)).config.max_bytes
}

test('provision - the telemetry’s stream is as large as it is said to be, and stays so when nothing is said', async () => {
  const admin = await house.connect('admin')
  expect(await sizeNow()).toBe(2 ** 30)
  await provisionStreams(admin, EPOCH, 1, 2 ** 21)
  expect(await sizeNow()).toBe(2 ** 21)
  await provisionStreams(admin, EPOCH)
  expect(await sizeNow()).toBe(2 ** 21)
})

test('provision - any other setting of the telemetry’s streams is refused, and never changed', async () => {
  const admin = await house.connect('admin')
  const { streams } = await jetstreamManager(admin)
  await streams.update(TELEMETRY_STREAM, { discard: 'old' })
  await expect(provisionStreams(admin, EPOCH, 1, 2 ** 21)).rejects.toThrow(/HP_TELEMETRY: discard is "old"/)
  await streams.update(TELEMETRY_STREAM, { discard: 'new' })
  await streams.update(TELEMETRY_CURSOR_STREAM, { max_msgs_per_subject: 2 })
  await expect(provisionStreams(admin, EPOCH)).rejects.toThrow(
    /HP_TELEMETRY_CURSOR: max_msgs_per_subject is 2/,
  )
  await streams.update(TELEMETRY_CURSOR_STREAM, { max_msgs_per_subject: 1 })
})

test('provision - streams of an installation from before are made', async () => {
  const admin = await house.connect('admin')
  const { streams } = await jetstreamManager(admin)
  await streams.delete(TELEMETRY_CURSOR_STREAM)
  await provisionStreams(admin, EPOCH)
  expect((await streams.info(TELEMETRY_CURSOR_STREAM)).config).toMatchObject({
    max_msgs_per_subject: 1,
    deny_delete: true,
    deny_purge: true,
  })
})
