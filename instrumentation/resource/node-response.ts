import type { ServerResponse } from 'node:http'
import type { Release } from '#gate'
import { concludeBy } from './guard.ts'
import type { Problem } from './problem.ts'

/**
 * The outcome is known when the handler ends its response, whether or not anybody is left to read it: `finish` does not
 * come then. A response that is never ended, but torn down, says nothing; then the ledger calls it ambiguous.
 */
export function concludeAtEnd(response: ServerResponse, release: Release): void {
  const end = response.end as (...given: unknown[]) => ServerResponse
  response.end = function (this: ServerResponse, ...given: unknown[]): ServerResponse {
    const ended = Reflect.apply(end, this, given)
    concludeBy(response.statusCode, release)
    return ended
  } as ServerResponse['end']
}

export function sendProblem(response: ServerResponse, { status, headers, body }: Problem): void {
  response.writeHead(status, headers).end(body)
}
