import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type {} from 'fastify'
import type { Release } from '#gate'
import { checkUnambiguous, decode } from './body.ts'
import { type GuardOptions, verifyRequest, WARRANT_HEADER } from './guard.ts'
import { concludeAtEnd } from './node-response.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What was released, where `guard` stands before the handler: run these arguments and no others. */
    holdpoint?: Release
  }
}

/** What is used of Fastify's own request and reply. */
export interface GuardedRequest {
  headers: IncomingHttpHeaders
  body?: unknown
  holdpoint?: Release
}

interface Reply {
  raw: ServerResponse
  code(status: number): Reply
  headers(headers: Record<string, string>): Reply
  send(body: string): Reply
}

export interface RouteHooks<R> {
  preParsing: (request: R, reply: Reply, payload: AsyncIterable<Buffer>) => Promise<Readable>
  preHandler: (request: R, reply: Reply) => Promise<Reply | undefined>
}

/**
 * Options of one route of Fastify 5: `app.post(path, { ...guard({ resource, action }) }, handler)`. Its handler runs with
 * a warrant for exactly this request, or not at all. What the parser gets is read strictly beside it, and `action` sees
 * the body as the handler will: after the schema has filled it in.
 */
export function guard<R extends GuardedRequest = GuardedRequest>(options: GuardOptions<R>): RouteHooks<R> {
  const received = new WeakMap<R, Buffer[]>()
  return {
    async preParsing(request, _reply, payload) {
      const chunks: Buffer[] = []
      received.set(request, chunks)
      // Piece by piece, as the parser asks for it: its own limit is the limit.
      return Readable.from(remember(payload, chunks), { objectMode: false })
    },
    async preHandler(request, reply) {
      const verified = await verifyRequest(
        {
          request,
          header: request.headers[WARRANT_HEADER],
          async readBody() {
            checkUnambiguous(decode(Buffer.concat(received.get(request) ?? [])))
          },
          isGone: () => reply.raw.destroyed,
        },
        options,
      )
      if ('release' in verified) {
        request.holdpoint = verified.release
        concludeAtEnd(reply.raw, verified.release)
        return undefined
      }
      const { status, headers, body } = verified.problem
      return reply.code(status).headers(headers).send(body)
    },
  }
}

async function* remember(payload: AsyncIterable<Buffer>, chunks: Buffer[]): AsyncGenerator<Buffer> {
  for await (const chunk of payload) {
    chunks.push(chunk)
    yield chunk
  }
}
