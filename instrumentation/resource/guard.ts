import { HoldpointError } from '#contract'
import type { Release, Resource, ResourceAction } from '#gate'
import { type Problem, problemFor, refusalOf } from './problem.ts'

export interface GuardOptions<Request> {
  resource: Resource
  /**
   * What a request asks for, in the very words by which agents ask for its approval. What it throws is a request that
   * cannot be understood, and is refused.
   */
  action: (request: Request) => ResourceAction | Promise<ResourceAction>
}

/** Under this name agents send the proof that their `execute` is given. */
export const WARRANT_HEADER = 'holdpoint-warrant'

/** What there is to look at, whichever framework it came through. */
interface Asked<Request> {
  request: Request
  header: string | string[] | undefined
  /** Reads what the framework has not read yet, or checks what it has. Throws HoldpointError. */
  readBody: () => Promise<void>
  /** Whether whoever asked has gone. */
  isGone: () => boolean
}

/** What all frameworks share: a release, or what to send instead. Never throws. */
export async function verifyRequest<Request>(
  { request, header, readBody, isGone }: Asked<Request>,
  { resource, action }: GuardOptions<Request>,
): Promise<{ release: Release } | { problem: Problem }> {
  // The same header twice: which of them counts would be anybody's choice.
  const proof = Array.isArray(header) ? header.join(', ') : header
  let asked: ResourceAction
  try {
    // Of whoever shows nothing, nothing is read.
    if (!proof) throw new HoldpointError('WARRANT_REQUIRED')
    await readBody()
    asked = await action(request)
  } catch (error) {
    return { problem: problemFor(refusalOf(error), resource.name) }
  }
  const answer = await resource.verifyWarrant(proof, asked)
  if (!answer.ok) return { problem: problemFor(answer.refusal, resource.name) }
  if (!isGone()) return { release: answer.release }
  // As with a gate: nothing runs for somebody who is not there any more.
  answer.release.done('failed', 'not_run')
  const { requestId } = answer.release
  const reason = 'The caller went away before it was run.'
  return { problem: problemFor({ code: 'APPROVAL_CANCELLED', reason, requestId }, resource.name) }
}

/**
 * A response without an error says that it ran. One with an error says that it did not, or not all of it: whoever spent
 * an approval for nothing asks again, and nobody takes for paid what was turned down.
 */
export function concludeBy(status: number, release: Release): void {
  if (status < 400) release.done('executed')
  else release.done('failed', String(status))
}
