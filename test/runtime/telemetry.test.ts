import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { createTelemetry, listenFrom } from '#runtime'
import { wantsTelemetry } from '../../src/runtime/telemetry.ts'
import { compileCache } from '../support/compile-cache.ts'

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

// In a process of its own: OpenTelemetry registers globally, and reads the environment of the process.
const PROGRAM = `
  import { trace } from '@opentelemetry/api'
  import { createTelemetry } from '#runtime'
  const telemetry = createTelemetry({ name: 'broker', env: process.env })
  await telemetry.start()
  trace.getTracer('test').startSpan('decide').end()
  await telemetry.stop()
  await telemetry.stop()
`

test.for([
  [{}, 'holdpoint-broker'],
  [{ OTEL_SERVICE_NAME: 'approvals' }, 'approvals'],
  [{ OTEL_RESOURCE_ATTRIBUTES: 'team=sec,service.name=named' }, 'named'],
] as const)('telemetry - with %j spans are flushed on stop as the service %s', async ([env, service]) => {
  const bodies: string[] = []
  const collector = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      if (request.url === '/v1/traces') bodies.push(body)
      response.setHeader('content-type', 'application/json').end('{}')
    })
  })
  closers.push(() => collector.close())
  const port = await listenFrom(collector, 0)
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      PATH: process.env.PATH,
      ...compileCache(),
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_METRICS_EXPORTER: 'none',
      ...env,
    },
  })
  expect(await once(child, 'exit')).toEqual([0, null])
  const [resource] = JSON.parse(bodies[0] ?? '{}').resourceSpans
  const name = resource.resource.attributes.find((one: { key: string }) => one.key === 'service.name')
  expect(name.value.stringValue).toBe(service)
  expect(resource.scopeSpans[0].spans[0].name).toBe('decide')
})
