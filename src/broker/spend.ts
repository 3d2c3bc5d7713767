import { ledgerSubject, type Outcome, type Spend, type SpentEntry } from '#contract'
import type { Committed } from './commit.ts'
import type { Context } from './context.ts'
import type { Request } from './requests.ts'

/** Uses an approval up, in the one of three ways that comes first. They share a subject, so only one can. */
export async function spend(
  context: Context,
  request: Request,
  how: Spend,
  by: Pick<SpentEntry, 'nonce' | 'trace' | 'by'> = {},
): Promise<Committed<SpentEntry>> {
  const { requestId, actionDigest } = request.requested
  const entry: SpentEntry = { type: 'spent', at: context.now(), requestId, actionDigest, spend: how, ...by }
  const committed = await context.ledger.commit(ledgerSubject.spent(context.config.epoch, requestId), entry)
  context.requests.apply(committed.entry, committed.position)
  if (committed.won && committed.entry.spend !== 'consumed') context.notify.desk('ended', request)
  return committed
}

/** Records what became of a consumed approval. The first word stands. */
export async function conclude(
  context: Context,
  request: Request,
  outcome: Outcome,
  errorType?: string,
): Promise<void> {
  const { requestId, actionDigest } = request.requested
  const committed = await context.ledger.commit(ledgerSubject.outcome(context.config.epoch, requestId), {
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
