import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { HoldpointError } from '#contract'
import type { Log } from '#runtime'
import type { Signal } from '../../otlp/signal.ts'
import type { Tokens } from '../access/tokens.ts'
import { COMPRESSIONS, type Compression, compressionOf } from '../compression.ts'
import type { Intake } from '../intake.ts'
import { encodeResponse } from '../messages.ts'
import { CODE, Refused, refusalOf } from '../refusal.ts'
import type { CountRequest } from '../telemetry.ts'
import { HEALTH_CHECK, healthOf } from './health.ts'
import { openMessage } from './message.ts'
import { refuse, refuseHttp, reply } from './reply.ts'

export interface CallDeps {
  intake: Intake
  tokens: Tokens | undefined
  /** Why nothing can be accepted now; undefined when it can. */
  whyNotReady(): string | undefined
  /** For a whole message; a sender slower than that is cut off. */
  requestTimeoutMs: number
  count: CountRequest
  log: Log
}

const method = (signal: string): string =>
  `/opentelemetry.proto.collector.${signal.toLowerCase()}.v1.${signal}Service/Export`
const METHODS: ReadonlyMap<string, Signal> = new Map([
  [method('Trace'), 'traces'],
  [method('Logs'), 'logs'],
  [method('Metrics'), 'metrics'],
])

/** OTLP/gRPC: https://opentelemetry.io/docs/specs/otlp/#otlpgrpc */
export function createCalls({ intake, tokens, whyNotReady, requestTimeoutMs, count, log }: CallDeps) {
  return async function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    if (headers[':method'] !== 'POST') return refuseHttp(stream, 405)
    if (!/^application\/grpc(\+proto)?\s*(;|$)/i.test(headers['content-type'] ?? ''))
      return refuseHttp(stream, 415)
    const path = headers[':path'] ?? ''
    const signal = METHODS.get(path)
    const late = startTimer(requestTimeoutMs)
    const chunks = chunksOf(stream, late.stop)
    try {
      const message = signal === undefined ? other(path, chunks) : receive(signal, headers, chunks)
      reply(stream, await Promise.race([message, late.promise]))
      if (signal !== undefined) count(signal, 'grpc', CODE.ok)
    } catch (error) {
      const refusal = refusalOf(error)
      if (signal !== undefined) count(signal, 'grpc', refusal.code)
      if (refusal.code === CODE.internal) log.error('a request could not be handled', { error })
      else log.debug('a request was not accepted', { code: refusal.code, reason: refusal.message })
      refuse(stream, refusal)
    } finally {
      late.stop()
    }
  }

  async function receive(
    signal: Signal,
    headers: IncomingHttpHeaders,
    chunks: AsyncIterable<Buffer>,
  ): Promise<Uint8Array> {
    tokens?.check(headers.authorization)
    const named = readCompression(headers)
    const open = async () => {
      const { isCompressed, length, payload } = await openMessage(chunks, intake.maxBodyBytes)
      if (isCompressed && named === 'identity')
        throw new HoldpointError('INVALID_INPUT', 'gRPC: a compressed message needs grpc-encoding')
      return {
        compression: isCompressed ? named : ('identity' as const),
        declaredBytes: length,
        source: payload,
      }
    }
    const accepted = await intake.take({ signal, encoding: 'protobuf', open })
    return encodeResponse(signal, accepted, 'protobuf')
  }

  async function other(path: string, chunks: AsyncIterable<Buffer>): Promise<Uint8Array> {
    if (path === HEALTH_CHECK) return healthOf(chunks, whyNotReady() === undefined)
    const known = [...METHODS.keys()].join(', ')
    const message = `no method ${JSON.stringify(path.slice(0, 200))}; there are ${known}`
    throw new Refused(404, CODE.unimplemented, message)
  }
}

function readCompression(headers: IncomingHttpHeaders): Compression {
  const name = String(headers['grpc-encoding'] ?? '')
  const known = compressionOf(name)
  if (known !== undefined) return known
  const shown = JSON.stringify(name.slice(0, 40))
  throw new Refused(415, CODE.unimplemented, `the encoding ${shown} is none of ${COMPRESSIONS.join(', ')}`)
}

async function* chunksOf(stream: ServerHttp2Stream, onArrived: () => void): AsyncIterable<Buffer> {
  try {
    yield* stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  } catch (cause) {
    // A sender that goes away is no fault of ours.
    throw new HoldpointError('INVALID_INPUT', `gRPC: the call broke off: ${(cause as Error).message}`, {
      cause,
    })
  }
  onArrived()
}

/** Slow-loris: whoever sends a byte now and then holds a call, and no longer than this. */
function startTimer(timeoutMs: number): { promise: Promise<never>; stop: () => void } {
  const { promise, reject } = Promise.withResolvers<never>()
  const tooSlow = () => reject(new Refused(408, CODE.deadlineExceeded, 'the message did not arrive in time'))
  const timer = setTimeout(tooSlow, timeoutMs)
  return { promise, stop: () => clearTimeout(timer) }
}
