import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Release } from '#gate'
import { readJsonBody, saysJson } from './body.ts'
import { type GuardOptions, verifyRequest, WARRANT_HEADER } from './guard.ts'
import { concludeAtEnd, sendProblem } from './node-response.ts'

declare global {
  namespace Express {
    interface Request {
      /** What was released, where `guard` stands before the handler: run these arguments and no others. */
      holdpoint?: Release
    }
  }
}

/** What is used of Express' own request. */
export interface GuardedRequest extends IncomingMessage {
  // biome-ignore lint/suspicious/noExplicitAny: as Express types it, so that its own request fits.
  body?: any
  holdpoint?: Release
}

/**
 * For one route of Express 5: its handler runs with a warrant for exactly this request, or not at all.
 * Without a parser before it, JSON is read here, strictly, and stands in `request.body` afterwards. What a parser has
 * read before is taken as it is.
 */
export function guard<R extends GuardedRequest = GuardedRequest & Express.Request>(
  options: GuardOptions<R>,
): (request: R, response: ServerResponse, next: (error?: unknown) => void) => void {
  return (request, response, next) => {
    void enter(request, response, options).then((isReleased) => isReleased && next(), next)
  }
}

async function enter<R extends GuardedRequest>(
  request: R,
  response: ServerResponse,
  options: GuardOptions<R>,
): Promise<boolean> {
  const verified = await verifyRequest(
    {
      request,
      header: request.headers[WARRANT_HEADER],
      async readBody() {
        if (request.body === undefined && saysJson(request)) request.body = await readJsonBody(request)
      },
      isGone: () => response.destroyed,
    },
    options,
  )
  if ('problem' in verified) {
    sendProblem(response, verified.problem)
    return false
  }
  request.holdpoint = verified.release
  concludeAtEnd(response, verified.release)
  return true
}
