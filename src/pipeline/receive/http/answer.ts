import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { HoldpointError } from '#contract'
import type { Log } from '#runtime'
import { SIGNALS, type Signal } from '../../otlp/signal.ts'
import type { Tokens } from '../access/tokens.ts'
import { tooLarge } from '../body.ts'
import { COMPRESSIONS, type Compression, compressionOf } from '../compression.ts'
import type { Intake } from '../intake.ts'
import { type Encoding, encodeResponse, encodeStatus } from '../messages.ts'
import { CODE, type Refusal, Refused, refusalOf } from '../refusal.ts'
import type { CountRequest } from '../telemetry.ts'

export interface AnswerDeps {
  intake: Intake
  tokens: Tokens | undefined
  /** Whether senders must show a certificate. */
  asksForCertificate: boolean
  /** Why nothing can be accepted now; undefined when it can. */
  whyNotReady(): string | undefined
  count: CountRequest
  log: Log
}

const CONTENT_TYPE: Record<Encoding, string> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
}
const PATHS: ReadonlyMap<string, Signal> = new Map(SIGNALS.map((signal) => [`/v1/${signal}`, signal]))

/** OTLP/HTTP: https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export function createAnswer({ intake, tokens, asksForCertificate, whyNotReady, count, log }: AnswerDeps) {
  return async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ): Promise<void> {
    // Whoever was not told to go on may send its body or not: what follows on this connection means nothing.
    if (expectsContinue) response.setHeader('Connection', 'close')
    const path = request.url?.split('?')[0] ?? ''
    if (path === '/healthz') return probe(request, response, intake.isOpen() ? undefined : 'shutting down')
    if (path === '/readyz') return probe(request, response, whyNotReady())
    const signal = PATHS.get(path)
    if (signal === undefined)
      return refuse(response, 404, `no such path; there are ${[...PATHS.keys()].join(', ')}`)
    if (request.method !== 'POST') {
      response.setHeader('Allow', 'POST')
      return refuse(response, 405, `${signal} are posted`)
    }
    const encoding = encodingOf(request.headers['content-type'])
    if (encoding === undefined)
      return refuse(response, 415, `the content type must be ${Object.values(CONTENT_TYPE).join(' or ')}`)
    await receive(request, response, { signal, encoding, expectsContinue })
  }

  async function receive(
    request: IncomingMessage,
    response: ServerResponse,
    { signal, encoding, expectsContinue }: { signal: Signal; encoding: Encoding; expectsContinue: boolean },
  ): Promise<void> {
    try {
      if (asksForCertificate) checkCertificate(request.socket as TLSSocket)
      tokens?.check(request.headers.authorization)
      const compression = readHead(request)
      const open = async () => {
        if (expectsContinue) tellToGoOn(response)
        const declaredBytes = Number(request.headers['content-length'] ?? 0)
        return { compression, declaredBytes, source: chunksOf(request) }
      }
      const accepted = await intake.take({ signal, encoding, open })
      // A stop may have begun meanwhile, which a connection that is kept alive would keep waiting.
      if (!intake.isOpen()) response.setHeader('Connection', 'close')
      count(signal, 'http', CODE.ok)
      send(response, 200, encodeResponse(signal, accepted, encoding), encoding)
    } catch (error) {
      count(signal, 'http', fail(response, error, encoding).code)
    } finally {
      // What is left of a refused body is read and thrown away: closing at once would cut off our answer.
      request.resume()
    }
  }

  /** Throws where the headers alone say that the body need not be read. */
  function readHead({ headers }: IncomingMessage): Compression {
    const compression = compressionOf(headers['content-encoding'])
    if (compression === undefined) {
      const name = JSON.stringify(headers['content-encoding']?.slice(0, 40))
      const message = `the content encoding ${name} is none of ${COMPRESSIONS.join(', ')}`
      throw new Refused(415, CODE.invalidArgument, message)
    }
    if (Number(headers['content-length'] ?? 0) > intake.maxBodyBytes) throw tooLarge(intake.maxBodyBytes)
    return compression
  }

  function fail(response: ServerResponse, error: unknown, encoding: Encoding): Refusal {
    const refusal = refusalOf(error)
    const { http, retryAfterS } = refusal
    if (!intake.isOpen()) response.setHeader('Connection', 'close')
    if (retryAfterS !== undefined) response.setHeader('Retry-After', String(retryAfterS))
    if (http === 401) response.setHeader('WWW-Authenticate', 'Bearer')
    if (http === 415) response.setHeader('Accept-Encoding', COMPRESSIONS.join(', '))
    if (http === 500) log.error('a request could not be handled', { error })
    else log.debug('a request was not accepted', { http, reason: refusal.message })
    send(response, http, encodeStatus(refusal, encoding), encoding)
    return refusal
  }
}

function encodingOf(contentType: string | undefined): Encoding | undefined {
  const mediaType = contentType?.split(';')[0]?.trim().toLowerCase()
  if (mediaType === CONTENT_TYPE.protobuf) return 'protobuf'
  return mediaType === CONTENT_TYPE.json ? 'json' : undefined
}

const chunksOf = (request: IncomingMessage): AsyncIterable<Buffer> =>
  request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>

function tellToGoOn(response: ServerResponse): void {
  response.removeHeader('Connection')
  response.writeContinue()
}

function checkCertificate(socket: TLSSocket): void {
  if (socket.authorized) return
  throw new HoldpointError(
    'UNAUTHENTICATED',
    'a client certificate is needed, of the authority that this receiver was given',
  )
}

/** What Kubernetes and load balancers ask; without token or certificate, for they have none. */
function probe(request: IncomingMessage, response: ServerResponse, why: string | undefined): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    refuse(response, 405, 'this is read')
    return
  }
  const said = why === undefined ? { ok: true } : { ok: false, reason: why }
  send(response, why === undefined ? 200 : 503, Buffer.from(JSON.stringify(said)), 'json')
}

function refuse(response: ServerResponse, http: number, message: string): void {
  const body = Buffer.from(`${message}\n`)
  response.writeHead(http, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': body.length })
  response.end(body)
}

function send(response: ServerResponse, http: number, body: Uint8Array, encoding: Encoding): void {
  if (response.destroyed) return
  response.writeHead(http, { 'Content-Type': CONTENT_TYPE[encoding], 'Content-Length': body.length })
  response.end(body)
}
