import { INSTRUMENTS } from '../instruments.ts'
import type { Signal } from '../otlp/signal.ts'
import { pipelineMeter } from '../telemetry.ts'

export type CountRequest = (signal: Signal, protocol: 'http' | 'grpc', code: number) => void

/** What senders were answered. */
export function createRequestCount(): CountRequest {
  const requests = pipelineMeter().of(INSTRUMENTS.requests)
  return (signal, protocol, code) => requests(1, { signal, protocol, code })
}
