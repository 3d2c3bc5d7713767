import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { createTelemetry, listenFrom } from '#runtime'
import { otlpReaders } from '../../src/runtime/metrics/otlp-readers.ts'
import { wantsTelemetry } from '../../src/runtime/telemetry.ts'
import { compileCache } from '../support/compile-cache.ts'
import { parsePrometheus, sampleValue } from '../support/metrics/parse.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

test.for([
  [{}, false],
  [{ OTEL_SERVICE_NAME: 'x' }, false],
  [{ OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_SDK_DISABLED: 'TRUE' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://127.0.0.1:4318/v1/metrics' }, true],
  [{ OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'otlp' }, true],
] as const)('telemetry - %j asks for an exporter: %s', ([env, wanted]) => {
  expect(wantsTelemetry(env)).toBe(wanted)
})

test('telemetry - not asked for, it starts nothing', async () => {
  const telemetry = createTelemetry({ name: 'broker', env: {} })
  await telemetry.start()
  expect(telemetry.active).toBe(false)
  await telemetry.stop()
})

test.for([
  ['', 1],
  ['otlp', 1],
  ['otlp, console', 2],
  // It is there in any case, and not twice.
  ['prometheus', 0],
  ['otlp,prometheus', 1],
  ['none', 0],
  ['otlp,none', 0],
] as const)('telemetry - OTEL_METRICS_EXPORTER=%s sends metrics to so many: %s', async ([names, count]) => {
  for (const OTEL_EXPORTER_OTLP_PROTOCOL of ['http/protobuf', 'http/json', 'grpc']) {
    const readers = await otlpReaders({ OTEL_METRICS_EXPORTER: names, OTEL_EXPORTER_OTLP_PROTOCOL })
    expect(readers).toHaveLength(count)
  }
})

// In a process of its own: OpenTelemetry registers globally, and reads the environment of the process.
const PROGRAM = `
  import { metrics, trace } from '@opentelemetry/api'
  import { createLog, createMeter, createTelemetry } from '#runtime'
  const log = createLog({ name: 'test', level: 'debug' })
  const telemetry = createTelemetry({ name: 'broker', env: process.env, metrics: { log } })
  await telemetry.start()
  trace.getTracer('test').startSpan('decide').end()
  const waits = { name: 'test.wait', kind: 'histogram', unit: 's', description: 'Waits.', attributes: {} }
  createMeter(metrics.getMeter('test')).of(waits)(2)
  process.stdout.write(await telemetry.exposition())
  await telemetry.stop()
  await telemetry.stop()
`

test.for([
  [{}, 'holdpoint-broker'],
  [{ OTEL_SERVICE_NAME: 'approvals' }, 'approvals'],
  [{ OTEL_RESOURCE_ATTRIBUTES: 'team=sec,service.name=named' }, 'named'],
] as const)(
  'telemetry - with %j spans and metrics are flushed on stop as the service %s, and metrics can be read',
  async ([env, service]) => {
    const bodies: Record<string, string> = {}
    const collector = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        bodies[request.url ?? ''] ??= body
        response.setHeader('content-type', 'application/json').end('{}')
      })
    })
    closers.push(() => collector.close())
    const port = await listenFrom(collector, 0)
    const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env.PATH,
        ...compileCache(),
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        ...env,
      },
    })
    let stdout = ''
    child.stdout.on('data', (text) => {
      stdout += text
    })
    expect(await once(child, 'close')).toEqual([0, null])
    const { resourceSpans, resourceMetrics } = {
      ...JSON.parse(bodies['/v1/traces'] ?? '{}'),
      ...JSON.parse(bodies['/v1/metrics'] ?? '{}'),
    }
    for (const { resource } of [...resourceSpans, ...resourceMetrics]) {
      const name = resource.attributes.find((one: { key: string }) => one.key === 'service.name')
      expect(name.value.stringValue).toBe(service)
    }
    expect(resourceSpans[0].scopeSpans[0].spans[0].name).toBe('decide')
    const sent = resourceMetrics[0].scopeMetrics.flatMap((scope: { metrics: { name: string }[] }) =>
      scope.metrics.map(({ name }) => name),
    )
    expect(sent.toSorted()).toEqual([
      'process.cpu.time',
      'process.memory.usage',
      'process.uptime',
      'test.wait',
    ])
    // The same, read: and of the resource no more than which service it is, for its command line may be anybody's.
    const told = parsePrometheus(stdout)
    expect(sampleValue(told, 'target_info', { service_name: service })).toBe(1)
    expect(sampleValue(told, 'test_wait_seconds_sum')).toBe(2)
    expect(told.size).toBe(1 + sent.length)
    expect(stdout).not.toMatch(/process_command|process_owner|host_/)
  },
)
