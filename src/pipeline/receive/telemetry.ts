import { metrics } from '@opentelemetry/api'
import type { Signal } from '../otlp/signal.ts'

export type CountRequest = (signal: Signal, protocol: 'http' | 'grpc', code: number) => void

/** What senders were answered; it costs nothing until the process has an exporter. */
export function createRequestCount(): CountRequest {
  const requests = metrics.getMeter('holdpoint.pipeline').createCounter('holdpoint.pipeline.requests', {
    unit: '{request}',
    description: 'OTLP requests answered, by signal, protocol and google.rpc.Code.',
  })
  return (signal, protocol, code) => requests.add(1, { signal, protocol, code })
}
