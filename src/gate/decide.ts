import { freezeJson, HoldpointError } from '#contract'
import type { Authority } from './authority.ts'
import { type Core, type Refused, refused } from './core.ts'
import { hold } from './held.ts'
import { createPermit, type OpenPermit } from './permit.ts'
import { cancelled, refuse, refuseFor } from './refusal.ts'
import { denial, type Given, isFree, rule, takeArguments } from './rule.ts'
import { type ActionSpan, markRuling, markUnaskedDigest, openSpan } from './span.ts'
import type { GateAttempt } from './types.ts'

/** Rules here, and asks people where policy says so. Never throws. */
export async function decide(attempt: GateAttempt, core: Core): Promise<OpenPermit | Refused> {
  const { tracer, session } = core.deps
  const span = openSpan(tracer, attempt, core.config.agentId)
  try {
    const given = takeArguments(attempt)
    const authority = await core.authorityFor(attempt)
    return await decideBy(authority, attempt, given, span, core).catch(async (error: unknown) => {
      if (!(error instanceof HoldpointError && error.code === 'STALE')) throw error
      // The broker rules by a newer policy than we did: fetch that one, and rule once more.
      session.outdated()
      return decideBy(await core.authorityFor(attempt), attempt, given, span, core)
    })
  } catch (error) {
    return refused(span, refuseFor(error, attempt.name))
  }
}

async function decideBy(
  authority: Authority | undefined,
  attempt: GateAttempt,
  given: Given,
  span: ActionSpan,
  { deps, heldOf }: Core,
): Promise<OpenPermit | Refused> {
  if (authority === undefined || attempt.signal?.aborted) return refused(span, cancelled(attempt))
  const answer = ruleHere(authority, attempt, given, span, deps)
  if (answer !== undefined) return answer
  const asked = hold(heldOf(attempt, freezeJson(given.value), authority, span), deps)
  deps.background.add(asked)
  const settled = await asked
  return 'permitted' in settled ? settled : refused(span, settled)
}

/** For a call that cannot wait: what policy would hold is refused. Never throws. */
export function decideSync(attempt: GateAttempt, { config, deps }: Core): OpenPermit | Refused {
  const span = openSpan(deps.tracer, attempt, config.agentId)
  try {
    const given = takeArguments(attempt)
    const authority = deps.session.authority()
    if (authority === undefined) throw new HoldpointError('POLICY_UNAVAILABLE')
    const { name } = attempt
    return (
      ruleHere(authority, attempt, given, span, deps) ??
      refused(span, refuse({ code: 'APPROVAL_IMPOSSIBLE', name }))
    )
  } catch (error) {
    return refused(span, refuseFor(error, attempt.name))
  }
}

/** Undefined where people are to be asked. Throws AGENT_FROZEN. */
function ruleHere(
  authority: Authority,
  attempt: GateAttempt,
  { value, canonical }: Given,
  span: ActionSpan,
  { freeze }: Core['deps'],
): OpenPermit | Refused | undefined {
  freeze.check()
  const ruling = rule(attempt, value, authority)
  markRuling(span, ruling, authority.enforcement)
  if (isFree(ruling)) {
    markUnaskedDigest(span, attempt, canonical)
    return createPermit({ attempt, approved: value, span, freeze })
  }
  return ruling.effect === 'deny' ? refused(span, denial(attempt, ruling)) : undefined
}
