import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { HoldpointError } from '#contract'
import type { Log } from '#runtime'
import type { Signal } from '../../otlp/signal.ts'
import type { Tokens } from '../access/tokens.ts'
import { COMPRESSIONS, type Compression, compressionOf } from '../compression.ts'
import type { Intake } from '../intake.ts'
import { encodeResponse } from '../messages.ts'
import { CODE, Refused, refusalOf } from '../refusal.ts'
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
export function createCalls({ intake, tokens, whyNotReady, requestTimeoutMs, log }: CallDeps) {
  return async function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    if (headers[':method'] !== 'POST') return refuseHttp(stream, 405)
    if (!/^application\/grpc(\+proto)?\s*(;|$)/i.test(headers['content-type'] ?? ''))
      return refuseHttp(stream, 415)
    const slow = setTimeout(() => refuse(stream, refusalOf(tooSlow())), requestTimeoutMs)
    try {
      reply(stream, await handle(stream, headers, () => clearTimeout(slow)))
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal.code === CODE.internal) log.error('a request could not be handled', { error })
      else log.debug('a request was not accepted', { code: refusal.code, reason: refusal.message })
      refuse(stream, refusal)
    } finally {
      clearTimeout(slow)
    }
  }

  async function handle(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    onArrived: () => void,
  ): Promise<Uint8Array> {
    const path = headers[':path'] ?? ''
    if (path === HEALTH_CHECK) return healthOf(chunksOf(stream, onArrived), whyNotReady() === undefined)
    const signal = METHODS.get(path)
    if (signal === undefined) {
      const name = JSON.stringify(path.slice(0, 200))
      throw new Refused(
        404,
        CODE.unimplemented,
        `no method ${name}; there are ${[...METHODS.keys()].join(', ')}`,
      )
    }
    tokens?.check(headers.authorization)
    const named = readCompression(headers)
    const open = async () => {
      const { isCompressed, payload } = await openMessage(chunksOf(stream, onArrived), intake.maxBodyBytes)
      if (isCompressed && named === 'identity')
        throw new HoldpointError('INVALID_INPUT', 'gRPC: a compressed message needs grpc-encoding')
      return { compression: isCompressed ? named : ('identity' as const), source: payload }
    }
    const accepted = await intake.take({ signal, encoding: 'protobuf', open })
    return encodeResponse(signal, accepted, 'protobuf')
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
  yield* stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  onArrived()
}

const tooSlow = (): Refused => new Refused(408, CODE.deadlineExceeded, 'the message did not arrive in time')
