import { expect, test } from 'vitest'
import { PIPELINE_INSTRUMENTS } from '#pipeline'
import { createMeasures as createBufferMeasures } from '../../src/pipeline/buffer/measures.ts'
import { createForwardMeasures } from '../../src/pipeline/forward/measures.ts'
import { createRequestCount } from '../../src/pipeline/receive/telemetry.ts'
import { createMeasures } from '../../src/pipeline/telemetry.ts'
import { expectAsDescribed } from '../support/metrics/described.ts'
import { measured } from '../support/metrics/measured.ts'
import { sampleValue } from '../support/metrics/parse.ts'

const composed = { messages: [{ items: 3, receivedAtMs: 50_000 }] } as never
const away = () => Promise.reject(new Error('NATS is away'))

test('pipeline - each of its metrics is measured, as it is described and in its unit', async () => {
  const { made, families } = measured(() => ({
    pipeline: createMeasures(),
    answered: createRequestCount(),
    forward: createForwardMeasures(),
    buffer: createBufferMeasures({ now: () => 60_000 }),
  }))
  const { pipeline, answered, forward, buffer } = made
  pipeline.stored('traces', 1)
  pipeline.verdict('verified')
  pipeline.watch({ waiting: () => 2, unread: async () => 3 })
  answered('logs', 'grpc', 14)
  forward.sent('traces', 2)
  buffer.stored(composed)
  buffer.working(0, composed)
  buffer.dead()
  buffer.tookOver()
  buffer.refused()
  buffer.watch({ size: async () => ({ bytes: 1, messages: 1 }), oldestMs: async () => 50_000 })

  const all = await families()
  expectAsDescribed(all, Object.values(PIPELINE_INSTRUMENTS))
  expect(sampleValue(all, 'holdpoint_pipeline_lag_seconds')).toBe(10)
  expect(sampleValue(all, 'holdpoint_pipeline_buffer_oldest_milliseconds')).toBe(10_000)
  expect(sampleValue(all, 'holdpoint_pipeline_ledger_behind')).toBe(5)
  expect(sampleValue(all, 'holdpoint_pipeline_buffer_items_total')).toBe(3)
})

test('pipeline - while NATS does not answer, what waited goes on waiting', async () => {
  let nowMs = 60_000
  let oldestMs = async (): Promise<number | undefined> => 50_000
  const { made: buffer, families } = measured(() => createBufferMeasures({ now: () => nowMs }))
  const lag = async () => sampleValue(await families(), 'holdpoint_pipeline_lag_seconds')
  buffer.watch({ size: away, oldestMs: () => oldestMs() })
  expect(await lag()).toBe(10)
  oldestMs = away
  nowMs = 90_000
  expect(await lag()).toBe(40)
  oldestMs = async () => undefined
  expect(await lag()).toBe(0)
})

test('pipeline - what is read and not stored is told also while nobody says what is unread', async () => {
  const { made: pipeline, families } = measured(createMeasures)
  pipeline.watch({ waiting: () => 2, unread: away })
  const all = await families()
  expect(sampleValue(all, 'holdpoint_pipeline_ledger_waiting')).toBe(2)
  expect(sampleValue(all, 'holdpoint_pipeline_ledger_behind')).toBeUndefined()
})
