import type { Context } from 'hono'
import { HoldpointError, PROBLEM_TYPE, type ProblemDetails, problemOf } from '#contract'
import type { Log } from '#runtime'

/** What HTTP says more exactly than a code does: the status, and headers that help to do better. */
export class HttpRefusal extends HoldpointError {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: HoldpointError['code'],
    message: string,
    { status, headers = {} }: { status?: number; headers?: Readonly<Record<string, string>> },
  ) {
    super(code, message)
    this.status = status
    this.headers = headers
  }
}

const RETRY_AFTER_S: Readonly<Record<number, string>> = { 429: '10', 503: '5' }

/** Any error as RFC 9457 problem details; what is a fault of ours goes to the log. */
export function answerProblem(c: Context, error: unknown, log: Log): Response {
  const problem: ProblemDetails & { missing?: unknown } = problemOf(error)
  if (problem.code === 'INTERNAL') log.error('a call could not be answered', { error, path: c.req.path })
  if (error instanceof HttpRefusal && error.status !== undefined) problem.status = error.status
  const headers: Record<string, string> = { 'content-type': PROBLEM_TYPE }
  // RFC 6750, 3: no error code where nothing was presented; that refusal brings a header of its own.
  if (problem.status === 401) headers['www-authenticate'] = `${CHALLENGE}, error="invalid_token"`
  const retryAfter = RETRY_AFTER_S[problem.status]
  if (retryAfter) headers['retry-after'] = retryAfter
  if (error instanceof HttpRefusal) Object.assign(headers, error.headers)
  return c.body(JSON.stringify(problem), problem.status as 400, headers)
}

export const CHALLENGE = 'Bearer realm="holdpoint"'
