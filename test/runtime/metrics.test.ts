import * as prometheus from '@opentelemetry/exporter-prometheus'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { expect, test } from 'vitest'
import { createExposition, createMeter, type Instrument, prometheusName } from '#runtime'
import { MOST_SERIES } from '../../src/runtime/metrics/series.ts'
import { createFakeLog } from '../support/log.ts'
import { parsePrometheus, sampleValue } from '../support/metrics/parse.ts'

/** As OpenTelemetry's own exporters read it. */
class OtlpReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
  async names(): Promise<string[]> {
    const { resourceMetrics } = await this.collect()
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) =>
      metrics.map(({ descriptor }) => descriptor.name),
    )
  }
}

function startMeasuring() {
  const log = createFakeLog()
  const exposition = createExposition(prometheus, { log })
  const otlp = new OtlpReader()
  const provider = new MeterProvider({ readers: [exposition.reader, otlp] })
  return { exposition, otlp, log, meter: createMeter(provider.getMeter('test')) }
}

const RULED = {
  name: 'holdpoint.test.ruled',
  kind: 'counter',
  unit: '{request}',
  description: 'What rules say.',
  attributes: { rule: 'a rule’s id' },
} as const satisfies Instrument
const plain = (name: string, kind: Instrument['kind'], unit: string) =>
  ({ name, kind, unit, description: `${name}.`, attributes: {} }) as const satisfies Instrument

// https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
test.each([
  [plain('holdpoint.decisions', 'counter', '{request}'), 'holdpoint_decisions_total'],
  [plain('process.cpu.time', 'counter', 's'), 'process_cpu_time_seconds_total'],
  [plain('a.total', 'counter', '{x}'), 'a_total'],
  [plain('http.server.request.duration', 'histogram', 's'), 'http_server_request_duration_seconds'],
  [plain('holdpoint.pipeline.buffer.oldest', 'gauge', 'ms'), 'holdpoint_pipeline_buffer_oldest_milliseconds'],
  [plain('process.memory.usage', 'updown', 'By'), 'process_memory_usage_bytes'],
  [plain('wait.seconds', 'gauge', 's'), 'wait_seconds'],
  [plain('a.b-c..d', 'gauge', '{x}'), 'a_b_c_d'],
] as const)('metrics - %j is what Prometheus calls %s', (instrument, name) => {
  expect(prometheusName(instrument)).toBe(name)
})

test('metrics - a unit that Prometheus has no word for is a fault of ours', () => {
  expect(() => prometheusName(plain('a', 'gauge', 'furlong'))).toThrow(/no word for the unit furlong/)
})

test('metrics - the same instruments are read by Prometheus and sent by OTLP, under the same names by its rules', async () => {
  const { exposition, otlp, meter } = startMeasuring()
  const kinds = [
    plain('one.count', 'counter', '{thing}'),
    plain('one.sum', 'updown', '{thing}'),
    plain('one.time', 'histogram', 's'),
  ]
  for (const instrument of kinds) meter.of(instrument)(2)
  const level = plain('one.level', 'gauge', 'By')
  meter.watch([level], (observe) => observe(level, 3))

  const families = parsePrometheus(await exposition.read())
  const all = [...kinds, level]
  expect((await otlp.names()).toSorted()).toEqual(all.map(({ name }) => name).toSorted())
  expect([...families.keys()].filter((name) => name !== 'target_info').toSorted()).toEqual(
    all.map(prometheusName).toSorted(),
  )
  expect(families.get('one_count_total')).toMatchObject({ type: 'counter', help: 'one.count.' })
  expect(families.get('one_level_bytes')).toMatchObject({ type: 'gauge', unit: 'bytes' })
  expect(sampleValue(families, 'one_time_seconds_count')).toBe(1)
  expect(sampleValue(families, 'one_sum')).toBe(2)
})

test.each(['a"b', 'a\\', 'a\nb', '"} 1\nholdpoint_forged 1', '\\n', '# HELP x y', '', 'é\u2028😀', '\\"'])(
  'metrics - the label value %j comes through as it is, and makes no line of its own',
  async (rule) => {
    const { exposition, meter } = startMeasuring()
    meter.of(RULED)(1, { rule })
    const families = parsePrometheus(await exposition.read())
    expect([...families.keys()]).toEqual(['target_info', 'holdpoint_test_ruled_total'])
    expect(sampleValue(families, 'holdpoint_test_ruled_total', { rule })).toBe(1)
  },
)

test('metrics - values without end fill no memory, and nothing that was counted is lost', async () => {
  const { exposition, meter } = startMeasuring()
  const count = meter.of(RULED)
  count(1, { rule: 'honest' })
  let seen = 0
  for (let scrape = 0; scrape < 4; scrape++) {
    for (let made = 0; made < MOST_SERIES; made++) count(1, { rule: `made-up-${scrape}-${made}` })
    // The SDK's own limit begins anew here.
    const families = parsePrometheus(await exposition.read())
    seen = families.get('holdpoint_test_ruled_total')?.samples.length ?? 0
    expect(seen).toBeLessThanOrEqual(MOST_SERIES)
  }
  count(1, { rule: 'honest' })
  const families = parsePrometheus(await exposition.read())
  expect(sampleValue(families, 'holdpoint_test_ruled_total', { rule: 'honest' })).toBe(2)
  const { samples = [] } = families.get('holdpoint_test_ruled_total') ?? {}
  expect(samples.reduce((sum, { value }) => sum + value, 0)).toBe(4 * MOST_SERIES + 2)
  expect(
    sampleValue(families, 'holdpoint_test_ruled_total', { otel_metric_overflow: 'true' }),
  ).toBeGreaterThan(1)
})

test('metrics - so it is with what is only looked at', async () => {
  const { exposition, meter } = startMeasuring()
  const level = { ...RULED, name: 'holdpoint.test.level', kind: 'gauge' } as const
  let turn = 0
  meter.watch([level], (observe) => {
    turn++
    for (let made = 0; made < MOST_SERIES; made++) observe(level, 1, { rule: `made-up-${turn}-${made}` })
  })
  for (let scrape = 0; scrape < 3; scrape++) {
    const families = parsePrometheus(await exposition.read())
    expect(families.get('holdpoint_test_level')?.samples.length).toBeLessThanOrEqual(MOST_SERIES)
  }
})

test('metrics - an attribute that is not described is never told', async () => {
  const { exposition, meter } = startMeasuring()
  meter.of(RULED)(1, { rule: 'defaults', reviewer: 'bob@example.com' } as never)
  expect(await exposition.read()).not.toContain('bob')
})

test('metrics - one that cannot be looked at keeps no other from being read', async () => {
  const { exposition, meter, log } = startMeasuring()
  const broken = plain('broken', 'gauge', 's')
  meter.watch([broken], () => Promise.reject(new Error('NATS is away')))
  meter.of(RULED)(1, { rule: 'defaults' })
  const families = parsePrometheus(await exposition.read())
  expect([...families.keys()]).toEqual(['target_info', 'holdpoint_test_ruled_total'])
  expect(JSON.stringify(log.lines)).toContain('a metric could not be read')
})

test('metrics - a flood of scrapes is one look after the other', async () => {
  const { exposition, meter } = startMeasuring()
  const level = plain('level', 'gauge', 's')
  let looks = 0
  meter.watch([level], async (observe) => observe(level, ++looks))
  await Promise.all(Array.from({ length: 50 }, () => exposition.read()))
  expect(looks).toBe(1)
  await exposition.read()
  expect(looks).toBe(2)
})

test('metrics - what has one series alone is 0 before anything has happened', async () => {
  const { exposition, meter } = startMeasuring()
  meter.of(plain('letters', 'counter', '{letter}'))
  meter.of(RULED)
  const families = parsePrometheus(await exposition.read())
  expect([...families.keys()]).toEqual(['target_info', 'letters_total'])
  expect(sampleValue(families, 'letters_total')).toBe(0)
})

test('metrics - while nothing has been measured, what is read is well-formed all the same', async () => {
  const { exposition } = startMeasuring()
  expect([...parsePrometheus(await exposition.read()).keys()]).toEqual(['target_info'])
})

test.each([
  ['a line without end', 'a 1'],
  ['a sample without its family', 'a 1\n'],
  ['a label that is not closed', '# HELP a a\n# TYPE a gauge\na{b="c} 1\n'],
  ['an unknown escape', '# HELP a a\n# TYPE a gauge\na{b="\\x"} 1\n'],
  ['a counter that does not say so', '# HELP a a\n# TYPE a counter\na 1\n'],
  ['a series twice', '# HELP a a\n# TYPE a gauge\na 1\na 2\n'],
  ['a family twice', '# HELP a a\n# TYPE a gauge\na 1\n# HELP a a\n'],
  [
    'buckets that do not add up',
    '# HELP a a\n# TYPE a histogram\na_bucket{le="+Inf"} 1\na_sum 1\na_count 2\n',
  ],
])('metrics - the parser of these tests refuses %s', (_, text) => {
  expect(() => parsePrometheus(text)).toThrow()
})
