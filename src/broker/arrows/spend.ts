import { type Approver, epochOf, ledgerSubject, type Outcome, type Spend, type SpentEntry } from '#contract'
import type { Context } from '../context.ts'
import type { Committed } from '../history/commit.ts'
import type { Request } from '../state/requests.ts'

/** Uses an approval up, in the one of three ways that comes first. They share a subject, so only one can. */
export async function spend(
  context: Context,
  request: Request,
  how: Spend,
  by: Pick<SpentEntry, 'nonce' | 'trace' | 'process' | 'by'> = {},
): Promise<Committed<SpentEntry>> {
  const { requestId, actionDigest } = request.requested
  const entry: SpentEntry = { type: 'spent', at: context.now(), requestId, actionDigest, spend: how, ...by }
  const committed = await context.ledger.commit(ledgerSubject.spent(epochOf(requestId), requestId), entry)
  context.requests.apply(committed.entry, committed.position)
  if (committed.won && how !== 'consumed') context.notify.desk('ended', request)
  // A job that still waits with its approval in hand learns that it is gone.
  if (committed.won && how === 'revoked') context.notify.settled(request)
  return committed
}

/**
 * Takes an approval back that nobody has used; one whose time is over lapses. Whoever uses it meanwhile is first: how
 * it ended, the entry says.
 */
export async function takeBack(context: Context, request: Request, by: Approver): Promise<SpentEntry> {
  const { entry } = hasLapsed(request, context.now())
    ? await spend(context, request, 'lapsed')
    : await spend(context, request, 'revoked', { by })
  return entry
}

/** Records what became of a consumed approval. The first word stands. */
export async function conclude(
  context: Context,
  request: Request,
  outcome: Outcome,
  errorType?: string,
): Promise<void> {
  const { requestId, actionDigest } = request.requested
  const committed = await context.ledger.commit(ledgerSubject.outcome(epochOf(requestId), requestId), {
    type: 'outcome',
    at: context.now(),
    requestId,
    actionDigest,
    outcome,
    ...(errorType === undefined ? {} : { errorType }),
  })
  context.requests.apply(committed.entry, committed.position)
  // Whoever lost tells nobody: whoever won has done so.
  if (committed.won) context.notify.desk('ended', request)
}

/** An approval that nobody used in time. */
export const hasLapsed = ({ requested, decided, spent }: Request, nowMs: number): boolean =>
  decided?.decision === 'approved' && spent === undefined && nowMs > decided.at + requested.validForMs
