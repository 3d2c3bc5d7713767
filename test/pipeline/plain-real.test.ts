import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Sample } from './encode.ts'
import { read, told } from './plain-spans.ts'

const exporter = new InMemorySpanExporter()
const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
let server: Server
let unregister: () => void
beforeAll(async () => {
  const instrumentations = [new UndiciInstrumentation()]
  unregister = registerInstrumentations({ tracerProvider: provider, instrumentations })
  server = createServer((_, response) => void response.writeHead(204).end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  unregister?.()
  await provider.shutdown()
  server?.close()
})

it('plain - what the instrumentation of fetch writes is read as HTTP, and as Kubernetes by its path', async () => {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await fetch(`${origin}/v1/customers/7?force=1`, { method: 'DELETE' })
  await fetch(`${origin}/apis/apps/v1/namespaces/shop/deployments/web`, { method: 'DELETE' })
  await fetch(`${origin}/cache`, { method: 'PURGE' })
  const spans = exporter.getFinishedSpans().map(({ attributes }) => attributes as Record<string, Sample>)
  expect(spans.map((attributes) => told(read('http', attributes)))).toEqual([
    [`DELETE /v1/customers/7 @ ${origin}`],
    [`DELETE /apis/apps/v1/namespaces/shop/deployments/web @ ${origin}`],
    [`PURGE /cache @ ${origin}`],
  ])
  expect(spans.map((attributes) => told(read('k8s', attributes)))).toEqual([
    [],
    [`delete deployments.apps @ ${origin.slice('http://'.length)}/shop/web`],
    [],
  ])
})
