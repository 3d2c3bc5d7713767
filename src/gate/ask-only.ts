import { freezeJson, type RequestReply } from '#contract'
import type { Authority } from './authority.ts'
import type { Core } from './core.ts'
import { cancelled, refuseFor } from './refusal.ts'
import { checkSameAction } from './release.ts'
import { cancel, type Hold, type HoldDeps, request, requesterOf } from './request.ts'
import { denial, isFree, rule, takeArguments } from './rule.ts'
import { deniedAtOnce } from './settled.ts'
import { type ActionSpan, endRefused, markAsAction, markRuling, openRequestSpan } from './span.ts'
import type { GateAttempt, PendingApproval, Refusal, Requested } from './types.ts'

/** Rules here, asks people where policy says so, and leaves: what comes of it is for `goOn` to find out. Never throws. */
export async function askOnly(attempt: GateAttempt, core: Core): Promise<Requested> {
  const span = openRequestSpan(core.deps.tracer, attempt, core.config.agentId)
  try {
    const asked = await requestBy(await core.authorityFor(attempt), attempt, span, core)
    if (asked.status === 'refused') return notAsked(span, attempt, asked.refusal)
    span.span.end()
    return asked
  } catch (error) {
    return notAsked(span, attempt, refuseFor(error, attempt.name))
  }
}

async function requestBy(
  authority: Authority | undefined,
  attempt: GateAttempt,
  span: ActionSpan,
  { deps, heldOf }: Core,
): Promise<Requested> {
  const { value } = takeArguments(attempt)
  if (authority === undefined || attempt.signal?.aborted)
    return { status: 'refused', refusal: cancelled(attempt) }
  deps.freeze.check()
  const ruling = rule(attempt, value, authority)
  if (isFree(ruling)) return { status: 'allowed' }
  if (ruling.effect === 'deny') {
    markRuling(span, ruling, authority.enforcement)
    return { status: 'refused', refusal: denial(attempt, ruling) }
  }
  const held = heldOf(attempt, freezeJson(value), authority, span)
  const reply = await request({ ...held, isDetached: true }, deps)
  if (reply === undefined) return { status: 'refused', refusal: cancelled(attempt) }
  if (reply.status === 'denied') return { status: 'refused', refusal: deniedAtOnce(reply, held, deps) }
  if (reply.status === 'allowed') return { status: 'allowed' }
  return { status: 'pending', approval: pendingOf(reply, held, deps) }
}

function pendingOf(
  reply: RequestReply & { status: 'held' },
  { attempt, action, authority }: Hold,
  deps: HoldDeps,
): PendingApproval {
  const { requestId, actionDigest, salt, onBehalfOf, expiresAtMs } = reply
  const { resource } = attempt
  try {
    const requester = requesterOf(authority, onBehalfOf, resource)
    checkSameAction(actionDigest, { requestId, salt, action, requester })
  } catch (error) {
    cancel(requestId, deps)
    throw error
  }
  return {
    v: 1,
    requestId,
    actionDigest,
    salt,
    onBehalfOf,
    action,
    attempt: attempt.attempt,
    ...(resource === undefined ? {} : { resource }),
    expiresAtMs,
  }
}

/** Refused at once: an action that did not run, and is told as one. */
function notAsked(span: ActionSpan, attempt: GateAttempt, refusal: Refusal): Requested {
  markAsAction(span, attempt)
  endRefused(span, refusal)
  return { status: 'refused', refusal }
}
