import type { Core } from './core.ts'
import type { Looked, PendingApproval } from './types.ts'
import { claim } from './wait.ts'

/**
 * What people have said of it by now: for whoever waits for several, and would spend none before all are decided. It is
 * no permission, so what lay in a store need not be checked here; of what is no record at all the broker knows nothing.
 * Never throws.
 */
export async function look(approval: PendingApproval, core: Core): Promise<Looked> {
  const { session, timeoutMs } = core.deps
  try {
    if ((await core.authorityFor({ kind: '', name: '' })) === undefined) return 'unknown'
  } catch {
    return 'unknown'
  }
  try {
    const answer = await claim(
      { requestId: approval.requestId },
      session.connection,
      timeoutMs,
      core.untilStopped(undefined),
    )
    if (answer === undefined) return 'unknown'
    return answer.status === 'pending' || answer.status === 'approved' ? answer.status : 'refused'
  } catch {
    // Whatever the broker has against it, it will say to whoever wants to go on.
    return 'refused'
  }
}
