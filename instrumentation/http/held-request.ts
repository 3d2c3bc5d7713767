import { errorMonitor } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Gate, GateAttempt } from '#gate'
import { bytesAtHand, MAX_BODY_BYTES } from './body.ts'
import { attemptOf, judge } from './judge.ts'
import { type ClientRequest, type Destination, sentOf } from './node-request.ts'
import { HoldpointRefused, tooLarge } from './refused.ts'
import { routesOf } from './routes.ts'

export interface HeldRequest {
  gate: Gate
  request: ClientRequest
  to: Destination
  /** Has it connected, as it would have been. */
  connect(): void
  /** The span that was opened for it already. */
  annotate: Pick<GateAttempt, 'annotate'>
  /** The connection that the program has made for it. */
  socket?: Socket
}

type Callback = ((error?: Error | null) => void) | undefined

/**
 * Keeps a request from its connection. What the program writes is collected up to a bound; when it has ended, head and
 * body are fixed, and people are asked about exactly these bytes. `destroy`, an abort signal's too, withdraws it.
 */
export function holdRequest({ gate, request, to, connect, annotate, socket }: HeldRequest): void {
  const original = Object.getPrototypeOf(request) as ClientRequest
  const caller = new AbortController()
  const chunks: Uint8Array[] = []
  let length = 0
  let isEnded = false

  /** Nothing of it has been sent: it ends as one that got no connection. */
  function fail(error: Error | undefined): void {
    restore()
    if (!request.destroyed) original.destroy.call(request, error)
    socket?.destroy()
    ;(original as unknown as { onSocket: OnSocket }).onSocket.call(request, null, error)
  }

  function collect(chunk: unknown, encoding: BufferEncoding | undefined): void {
    const bytes =
      typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Uint8Array.from(bytesAtHand(chunk) ?? [])
    length += bytes.length
    if (length > MAX_BODY_BYTES) fail(tooLarge(routesOf(sentOf(request, to))[0].name, MAX_BODY_BYTES))
    else chunks.push(bytes)
  }

  function write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
    const done = (typeof encoding === 'function' ? encoding : callback) as Callback
    collect(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined)
    if (done !== undefined) process.nextTick(done)
    return true
  }

  function end(chunk?: unknown, encoding?: unknown, callback?: unknown): ClientRequest {
    if (isEnded || request.destroyed) return request
    const given = [chunk, encoding, callback]
    const done = given.find((one) => typeof one === 'function') as (() => void) | undefined
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function')
      collect(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined)
    if (request.destroyed) return request
    isEnded = true
    const body = length === 0 ? undefined : Buffer.concat(chunks)
    delete (request as Partial<ClientRequest>).write
    delete (request as Partial<ClientRequest>).end
    // Without a connection, Node keeps head and body as they are now.
    original.end.call(request, body as never, done as never)
    void ask(body)
    return request
  }

  async function ask(body: Uint8Array | undefined): Promise<void> {
    const sent = sentOf(request, to)
    const { route } = judge(gate, sent, () => body)
    const attempt = { ...attemptOf(sent, body, route), ...annotate, signal: caller.signal }
    const held = await gate.hold(attempt, () => {
      const status = statusOf(request)
      release()
      return status
    })
    if (!held.ran && !caller.signal.aborted) fail(new HoldpointRefused(held.refusal))
  }

  function release(): void {
    restore()
    connect()
  }

  /** There was nothing to rule by when it was made. */
  async function ruleAgain(): Promise<void> {
    await gate.ready(caller.signal)
    const { says } = judge(gate, sentOf(request, to), neverRead)
    if ((says !== 'allow' && says !== 'observe') || isEnded || request.destroyed) return
    release()
    for (const chunk of chunks) request.write(chunk)
  }

  function destroy(error?: Error): ClientRequest {
    caller.abort(error)
    if (!request.destroyed) fail(error)
    return request
  }

  function restore(): void {
    socket?.off('error', ignore)
    for (const method of ['write', 'end', 'destroy'] as const)
      delete (request as Partial<ClientRequest>)[method]
  }

  socket?.on('error', ignore)
  Object.assign(request, { write, end, destroy })
  // The program waits for an answer to the head before it says what the body is.
  if (request._header && /^expect:/im.test(request._header)) fail(expects())
  else void ruleAgain()
}

type OnSocket = (this: ClientRequest, socket: null, error?: Error) => void

const ignore = (): void => {}
const neverRead = (): never => {
  throw new TypeError('the body has not been written')
}

const expects = (): HoldpointRefused =>
  new HoldpointRefused({
    code: 'APPROVAL_IMPOSSIBLE',
    message:
      'The request was not sent (APPROVAL_IMPOSSIBLE). People are asked before it may be, and with `Expect: 100-continue` ' +
      'nobody knows its body by then. Send it without that header.',
  })

/** What the server answers, without being one of those who wait for it: Node goes by whether there are any. */
function statusOf(request: ClientRequest): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request.prependOnceListener('response', (response: IncomingMessage) => {
      if (request.listenerCount('response') === 0) response.resume()
      resolve(response.statusCode)
    })
    request.once(errorMonitor, reject)
    request.once('close', () => resolve(undefined))
  })
}
