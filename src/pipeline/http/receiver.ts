import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { HoldpointError } from '#contract'
import { type Component, type Log, listenFrom } from '#runtime'
import { decodeJson } from '../otlp/json.ts'
import { decodeProtobuf } from '../otlp/protobuf.ts'
import type { ResourceSpans } from '../otlp/span.ts'
import {
  type Accepted,
  CONTENT_TYPE,
  type Encoding,
  encodeResponse,
  encodeStatus,
  encodingOf,
  STATUS,
} from './answer.ts'
import { CONTENT_ENCODINGS, createRoom, isKnownEncoding, readBody } from './body.ts'

export interface ReceiverConfig {
  host: string
  /** The first port to try; 0 for any. */
  port: number
  /** Of a body, compressed and decompressed. */
  maxBodyBytes: number
  /** For a whole request; a sender slower than that is cut off. Default 30 s. */
  requestTimeoutMs?: number
}

export interface ReceiverDeps {
  /** Resolves when the batch is durable. A retryable error is answered with 503, INVALID_INPUT with 400. */
  accept(batch: { spans: ResourceSpans[]; body: Uint8Array }): Promise<Accepted>
  log: Log
}

const TRACES_PATH = '/v1/traces'
const RETRY_AFTER_S = 5
const DRAIN_MS = 10_000
/** Bodies held at once, in multiples of the largest one; decoded, each takes twenty times its size at worst. */
const BODIES_IN_FLIGHT = 2

/** OTLP/HTTP for traces: https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export function createReceiver(config: ReceiverConfig, deps: ReceiverDeps): Component & { port(): number } {
  const { requestTimeoutMs = 30_000, maxBodyBytes } = config
  const room = createRoom(maxBodyBytes * BODIES_IN_FLIGHT)
  let listening: number | undefined
  let stopping: Promise<void> | undefined

  const server = createServer(
    {
      // Slow-loris: whoever sends a byte now and then holds a connection, and no longer than this.
      headersTimeout: Math.min(10_000, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs),
      keepAliveTimeout: 65_000,
    },
    (request, response) => {
      if (stopping) response.setHeader('Connection', 'close')
      void answer(request, response)
    },
  )

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split('?')[0]
    if (path === '/healthz') return health(request, response)
    if (path !== TRACES_PATH) return refuse(response, 404, `no such path; traces go to ${TRACES_PATH}`)
    if (request.method !== 'POST') {
      response.setHeader('Allow', 'POST')
      return refuse(response, 405, 'traces are posted')
    }
    const encoding = encodingOf(request.headers['content-type'])
    if (encoding === undefined)
      return refuse(response, 415, `the content type must be ${Object.values(CONTENT_TYPE).join(' or ')}`)
    try {
      const accepted = await receive(request, encoding)
      // Stopping has begun meanwhile: a connection that is kept alive would keep us waiting for it.
      if (stopping) response.setHeader('Connection', 'close')
      send(response, 200, encodeResponse(accepted, encoding), encoding)
    } catch (error) {
      fail(response, error, encoding)
      // What is left of a refused body is read and thrown away: closing at once would cut off our answer.
      request.resume()
    }
  }

  async function receive(request: IncomingMessage, encoding: Encoding): Promise<Accepted> {
    if (stopping) throw new HoldpointError('UNAVAILABLE', 'shutting down', { retryable: true })
    const contentEncoding = (request.headers['content-encoding'] ?? '').trim().toLowerCase()
    if (!isKnownEncoding(contentEncoding)) throw new UnsupportedEncoding(contentEncoding)
    const body = await readBody(request, { encoding: contentEncoding, maxBytes: maxBodyBytes, room })
    try {
      const spans = encoding === 'json' ? decodeJson(body.bytes) : decodeProtobuf(body.bytes)
      return await deps.accept({ spans, body: body.bytes })
    } finally {
      body.release()
    }
  }

  function health(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      refuse(response, 405, 'health is read')
      return
    }
    send(response, stopping ? 503 : 200, Buffer.from(JSON.stringify({ ok: !stopping })), 'json')
  }

  function fail(response: ServerResponse, error: unknown, encoding: Encoding): void {
    const { http, code, message } = describeFailure(error)
    if (stopping) response.setHeader('Connection', 'close')
    if (http === 503) response.setHeader('Retry-After', String(RETRY_AFTER_S))
    if (http === 415) response.setHeader('Accept-Encoding', CONTENT_ENCODINGS)
    if (http === 500) deps.log.error('a batch could not be handled', { error })
    else deps.log.debug('a batch was not accepted', { http, reason: message })
    send(response, http, encodeStatus(code, message, encoding), encoding)
  }

  return {
    name: 'otlp-receiver',
    port() {
      if (listening !== undefined) return listening
      throw new HoldpointError('INTERNAL', 'the OTLP receiver has not been started')
    },
    async start() {
      listening = await listenFrom(server, config.port, config.host)
      deps.log.info('OTLP receiver is ready', { url: `http://${config.host}:${listening}${TRACES_PATH}` })
    },
    stop() {
      if (listening === undefined) return Promise.resolve()
      stopping ??= new Promise((resolve) => {
        const hardly = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
        server.close(() => {
          clearTimeout(hardly)
          resolve()
        })
        server.closeIdleConnections()
      })
      return stopping
    },
  }
}

class UnsupportedEncoding extends Error {
  constructor(name: string) {
    super(`the content encoding ${JSON.stringify(name.slice(0, 40))} is none of ${CONTENT_ENCODINGS}`)
  }
}

function describeFailure(error: unknown): { http: number; code: number; message: string } {
  if (error instanceof UnsupportedEncoding)
    return { http: 415, code: STATUS.invalidArgument, message: error.message }
  if (!(error instanceof HoldpointError))
    return { http: 500, code: STATUS.internal, message: 'the batch could not be handled; the log says why' }
  const { code, message, retryable } = error
  if (code === 'PAYLOAD_TOO_LARGE') return { http: 413, code: STATUS.resourceExhausted, message }
  if (code === 'INVALID_INPUT') return { http: 400, code: STATUS.invalidArgument, message }
  // Clients drop a batch for good on 500, so a fault that may pass is never one.
  if (retryable || code === 'UNAVAILABLE') return { http: 503, code: STATUS.unavailable, message }
  return { http: 500, code: STATUS.internal, message: 'the batch could not be handled; the log says why' }
}

function send(response: ServerResponse, http: number, body: Uint8Array, encoding: Encoding): void {
  if (response.destroyed) return
  response.writeHead(http, { 'Content-Type': CONTENT_TYPE[encoding], 'Content-Length': body.length })
  response.end(body)
}

function refuse(response: ServerResponse, http: number, message: string): void {
  const body = Buffer.from(`${message}\n`)
  response.writeHead(http, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': body.length })
  response.end(body)
}
