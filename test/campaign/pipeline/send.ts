import { connect } from 'node:http2'
import type { Endpoint } from '../../support/pipeline-process.ts'
import type { Signal } from './payloads.ts'

/** What a sender is told, or has to conclude. Only the first of them ends its care for a request. */
export type Answer =
  | { is: 'taken' }
  | { is: 'to be sent again'; afterMs?: number }
  | { is: 'refused'; why: string }

/** Shorter than exporters have it, so that one who is paused is given up while there is still somebody to ask. */
const PATIENCE_MS = 4_000
const RETRYABLE = [429, 502, 503, 504]

/** OTLP/HTTP as an honest client speaks it. */
export async function sendHttp({ http }: Endpoint, signal: Signal, body: Uint8Array): Promise<Answer> {
  let response: Response
  let answer: Uint8Array
  try {
    response = await fetch(`${http}/v1/${signal}`, {
      method: 'POST',
      body: body as Uint8Array<ArrayBuffer>,
      headers: { 'content-type': 'application/x-protobuf' },
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    answer = new Uint8Array(await response.arrayBuffer())
  } catch {
    return { is: 'to be sent again' }
  }
  if (RETRYABLE.includes(response.status)) {
    const afterS = Number(response.headers.get('retry-after') ?? Number.NaN)
    return { is: 'to be sent again', ...(afterS >= 0 ? { afterMs: afterS * 1_000 } : {}) }
  }
  if (response.status !== 200) return { is: 'refused', why: `${response.status} ${Buffer.from(answer)}` }
  return takenOrNot(answer)
}

const SERVICE: Record<Signal, string> = {
  traces: 'trace.v1.TraceService',
  logs: 'logs.v1.LogsService',
  metrics: 'metrics.v1.MetricsService',
}
const UNAVAILABLE = 14

/** OTLP/gRPC, one connection for each call. */
export async function sendGrpc({ grpc }: Endpoint, signal: Signal, body: Uint8Array): Promise<Answer> {
  const session = connect(grpc)
  // A session that is lost says so to its stream as well.
  session.on('error', () => {})
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/opentelemetry.proto.collector.${SERVICE[signal]}/Export`,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.setTimeout(PATIENCE_MS, () => stream.destroy(new Error('no answer')))
    let trailers: Record<string, unknown> = {}
    stream.on('response', (headers) => {
      trailers = { ...trailers, ...headers }
    })
    stream.on('trailers', (headers) => {
      trailers = { ...trailers, ...headers }
    })
    const prefix = Buffer.alloc(5)
    prefix.writeUInt32BE(body.length, 1)
    stream.end(Buffer.concat([prefix, body]))
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk as Buffer)
    const status = trailers['grpc-status']
    if (status === '0') return takenOrNot(Buffer.concat(chunks).subarray(prefix.length))
    if (status === undefined || Number(status) === UNAVAILABLE) return { is: 'to be sent again' }
    return { is: 'refused', why: `grpc-status ${String(status)} ${String(trailers['grpc-message'])}` }
  } catch {
    return { is: 'to be sent again' }
  } finally {
    session.destroy()
  }
}

/** Anything in the answer is a partial success, and there was nothing to refuse. */
const takenOrNot = (answer: Uint8Array): Answer =>
  answer.length === 0 ? { is: 'taken' } : { is: 'refused', why: `only in part: ${Buffer.from(answer)}` }
