import { once } from 'node:events'
import { connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import {
  type ChannelCredentials,
  Client,
  type ClientOptions,
  credentials as grpcCredentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { onTestFinished } from 'vitest'
import { decodeStatus, type Status } from './receiving.ts'

export const METHOD = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
} as const
export const HEALTH = '/grpc.health.v1.Health/Check'

export type Reply = { message: Buffer } | { code: number; details: string; status?: Status }

/** The real client, with messages as bytes. */
export function openClient(
  port: number,
  options: ClientOptions = {},
  credentials: ChannelCredentials = grpcCredentials.createInsecure(),
) {
  const client = new Client(`localhost:${port}`, credentials, {
    'grpc.max_send_message_length': -1,
    ...options,
  })
  onTestFinished(() => client.close())
  return (method: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<Reply> => {
    const metadata = new Metadata()
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
    const whole = (bytes: Buffer): Buffer => bytes
    return new Promise((resolve) => {
      client.makeUnaryRequest(method, whole, whole, Buffer.from(body), metadata, (error, message) =>
        resolve(error === null ? { message: message as Buffer } : replyOf(error)),
      )
    })
  }
}

function replyOf({ code, details, metadata }: ServiceError): Reply {
  const [bytes] = metadata.get('grpc-status-details-bin')
  return { code, details, ...(bytes instanceof Uint8Array ? { status: decodeStatus(bytes) } : {}) }
}

/** Length-Prefixed-Message; `flag` and `length` may lie. */
export function framed(message: Uint8Array, { flag = 0, length = message.length } = {}): Buffer {
  const head = Buffer.from([flag, 0, 0, 0, 0])
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, message])
}

/** A call by hand: these bytes and no end where `ends` is false; resolves with headers and trailers together. */
export async function callRaw(
  port: number,
  bytes: Uint8Array,
  { headers = {}, ends = true }: { headers?: OutgoingHttpHeaders; ends?: boolean } = {},
): Promise<IncomingHttpHeaders> {
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  onTestFinished(() => session.destroy())
  const stream = session.request({
    ':method': 'POST',
    ':path': METHOD.traces,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  })
  const answer: IncomingHttpHeaders = {}
  stream.on('response', (more) => Object.assign(answer, more))
  stream.on('trailers', (more) => Object.assign(answer, more))
  stream.on('error', () => {})
  stream.resume()
  if (ends) stream.end(bytes)
  else stream.write(bytes)
  await once(stream, 'close')
  session.close()
  return answer
}
