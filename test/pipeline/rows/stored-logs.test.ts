import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createStore, type Store } from '#store'
import type { AnyValue } from '../../../src/pipeline/otlp/span.ts'
import { valueText } from '../../../src/pipeline/otlp/text.ts'
import { logBlocks } from '../../../src/pipeline/rows/logs.ts'
import { type RunningEngine, startEngine } from '../../store/engine-fixture.ts'
import type { Sample } from '../encode.ts'
import {
  anyGroup,
  anySample,
  anyValues,
  chunkOf,
  GROUP,
  type Group,
  groupColumns,
  requestOf,
  textsOf,
  type Values,
  valuesOf,
} from './groups.ts'
import {
  anyText,
  bytes,
  type Chunk,
  fixed32,
  fixed64,
  idOf,
  int,
  likelyTime,
  message,
  text,
} from './wire-chunks.ts'

let running: RunningEngine
let store: Store
beforeAll(async () => {
  running = await startEngine({ migrated: true })
  store = createStore(running.engine.writer)
  await store.migrate()
})
afterAll(async () => {
  await store.close()
  await running.stop()
})
beforeEach(async () => {
  await store.query('TRUNCATE TABLE otel_logs')
})

interface LogRecord {
  timeNs: bigint
  observedNs: bigint
  severityNumber: number
  severityText: string
  body: Sample
  attributes: Values
  flags: number
  traceId: Uint8Array
  spanId: Uint8Array
  eventName: string
}

const RECORD: LogRecord = {
  timeNs: 1_790_000_000_123_456_789n,
  observedNs: 1_790_000_001_000_000_000n,
  severityNumber: 17,
  severityText: 'ERROR',
  body: 'Grüße: es geht nicht',
  attributes: { attempt: 3n, 'exception.type': 'Error' },
  flags: 0x101,
  traceId: Uint8Array.from({ length: 16 }, (_, at) => at + 1),
  spanId: Uint8Array.from({ length: 8 }, (_, at) => 0xf0 + at),
  eventName: 'holdpoint.approval.requested',
}

const anyRecord: fc.Arbitrary<LogRecord> = fc.record({
  timeNs: fc.oneof(likelyTime, fc.constant(0n)),
  observedNs: fc.oneof(likelyTime, fc.constant(0n)),
  severityNumber: fc.integer({ min: 0, max: 30 }),
  severityText: anyText,
  body: anySample,
  attributes: anyValues,
  flags: fc.nat(),
  traceId: fc.oneof(idOf(16), fc.constantFrom(new Uint8Array(), new Uint8Array(16))),
  spanId: fc.oneof(idOf(8), fc.constantFrom(new Uint8Array(), new Uint8Array(8))),
  eventName: anyText,
})

const encode = (record: LogRecord): Chunk =>
  message(2, [
    fixed64(1, record.timeNs),
    int(2, record.severityNumber),
    text(3, record.severityText),
    chunkOf(5, record.body),
    ...valuesOf(6, record.attributes),
    fixed32(8, record.flags),
    bytes(9, record.traceId),
    bytes(10, record.spanId),
    fixed64(11, record.observedNs),
    text(12, record.eventName),
  ])

const hexOf = (id: Uint8Array): string =>
  id.every((byte) => byte === 0) ? '' : Buffer.from(id).toString('hex')

const expected = (group: Group, record: LogRecord): object => ({
  Timestamp: String(record.timeNs || record.observedNs),
  TraceId: hexOf(record.traceId),
  SpanId: hexOf(record.spanId),
  TraceFlags: record.flags & 0xff,
  SeverityText: record.severityText,
  SeverityNumber: record.severityNumber,
  Body: valueText(record.body as AnyValue),
  LogAttributes: textsOf(record.attributes),
  EventName: record.eventName,
  ...groupColumns(group),
})

let batches = 0
async function insert(bodies: readonly Uint8Array[], token = `batch ${batches++}`): Promise<void> {
  for (const block of logBlocks(bodies)) await store.insertRows(block, token)
}
const read = (): Promise<object[]> =>
  store.query('SELECT * REPLACE (toString(reinterpretAsUInt64(Timestamp)) AS Timestamp) FROM otel_logs')
const sorted = (rows: readonly object[]): string[] =>
  rows
    .map((row) => JSON.stringify(Object.entries(row).sort(([one], [other]) => (one < other ? -1 : 1))))
    .sort()

describe('otel_logs', () => {
  it('rows - every column of a log record is read back as it was sent', async () => {
    await insert([requestOf(GROUP, [encode(RECORD)])])
    const [row] = await read()
    expect(row).toEqual({
      Timestamp: '1790000000123456789',
      TraceId: '0102030405060708090a0b0c0d0e0f10',
      SpanId: 'f0f1f2f3f4f5f6f7',
      TraceFlags: 1,
      SeverityText: 'ERROR',
      SeverityNumber: 17,
      ServiceName: 'shop',
      Body: 'Grüße: es geht nicht',
      ResourceSchemaUrl: 'https://opentelemetry.io/schemas/1.37.0',
      ResourceAttributes: { 'k8s.pod.name': 'shop-1', 'process.pid': '42', 'service.name': 'shop' },
      ScopeSchemaUrl: 'https://opentelemetry.io/schemas/1.21.0',
      ScopeName: 'shop.checkout',
      ScopeVersion: '2.0',
      ScopeAttributes: { 'scope.kind': 'test' },
      LogAttributes: { attempt: '3', 'exception.type': 'Error' },
      EventName: 'holdpoint.approval.requested',
    })
    expect(await store.query('SELECT `__otel_materialized_k8s.pod.name` AS pod FROM otel_logs')).toEqual([
      { pod: 'shop-1' },
    ])
  })

  it('rows - random log records are read back as they were sent', async () => {
    const requests = fc.sample(fc.tuple(anyGroup, fc.array(anyRecord, { minLength: 1, maxLength: 3 })), {
      numRuns: 60,
      seed: 11,
    })
    await insert(requests.map(([group, records]) => requestOf(group, records.map(encode))))
    const rows = requests.flatMap(([group, records]) => records.map((record) => expected(group, record)))
    expect(sorted(await read())).toEqual(sorted(rows))
  })

  it('rows - a log record of nothing is stored all the same', async () => {
    await insert([message(1, [message(2, [message(2, [])])])])
    expect(await read()).toMatchObject([{ Timestamp: '0', TraceId: '', Body: '', LogAttributes: {} }])
  })

  it.each([
    ['a time beyond what is stored', fixed64(1, 2n ** 64n - 1n)],
    ['a severity that is none', int(2, -(2n ** 31n))],
    ['a body that is no number', chunkOf(5, Number.NaN)],
    ['all flags', fixed32(8, 0xffffffff)],
  ])('rows - a log record with %s does not make the insert fail', async (_, chunk) => {
    await insert([requestOf(GROUP, [message(2, [chunk]), encode(RECORD)])])
    expect(await store.query('SELECT count() AS n FROM otel_logs')).toEqual([{ n: 2 }])
  })

  it('rows - the same logs under their token again change nothing', async () => {
    for (let time = 0; time < 3; time++) await insert([requestOf(GROUP, [encode(RECORD)])], 'one token')
    expect(await store.query('SELECT count() AS n FROM otel_logs')).toEqual([{ n: 1 }])
  })

  it('rows - what is no request of logs is refused', () => {
    expect(() => [...logBlocks([Uint8Array.of(10, 5, 1)])]).toThrowError(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    )
  })
})
