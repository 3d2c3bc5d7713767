import {
  type Approver,
  type DecidedEntry,
  type Decision,
  type Digest,
  epochOf,
  HoldpointError,
  ledgerSubject,
  type ReviewEntry,
} from '#contract'
import { type People, type Tally, tally } from '#policy'
import type { Context } from '../context.ts'
import type { Request } from '../state/requests.ts'

interface Grounds {
  by?: DecidedEntry['by']
  reasonDigest?: Digest
}

/** Decisions that this process is writing: whoever comes meanwhile waits for that one, and learns what it was. */
const underWay = new WeakMap<Request, Promise<void>>()

function decide(context: Context, request: Request, decision: Decision, why: Grounds = {}): Promise<void> {
  const writing =
    underWay.get(request) ?? write(context, request, decision, why).finally(() => underWay.delete(request))
  underWay.set(request, writing)
  return writing
}

/** Writes the one decision of a request. Whoever is first wins; all others learn what was decided. */
async function write(context: Context, request: Request, decision: Decision, why: Grounds): Promise<void> {
  const { requestId, actionDigest } = request.requested
  const entry: DecidedEntry = {
    type: 'decided',
    at: context.now(),
    requestId,
    actionDigest,
    decision,
    by: why.by ?? [],
    ...(why.reasonDigest === undefined ? {} : { reasonDigest: why.reasonDigest }),
  }
  const committed = await context.ledger.commit(ledgerSubject.decided(epochOf(requestId), requestId), entry)
  context.requests.apply(committed.entry, committed.position)
  // A replica that lost tells nobody: the one that won has done so.
  if (!committed.won) return
  context.measures.decided(decision, request.requested.ruling.rule, entry.at - request.requested.at)
  context.notify.settled(request)
  context.notify.desk('decided', request)
}

/** Decides if the committed reviews say so. Also run for every pending request after a restart. */
export async function decideByReviews(context: Context, request: Request): Promise<void> {
  if (request.decided || tallied(context, request).state === 'pending') return
  // The ledger's order counts: before the review that we know of there may be one that another replica took.
  await context.catchUp()
  if (request.decided) return
  const result = tallied(context, request)
  if (result.state === 'pending') return
  const by = result.by.map(({ reviewer }) => reviewer)
  const words = result.by.findLast((review) => review.reasonDigest !== undefined)
  const reasonDigest = result.state === 'denied' ? words?.reasonDigest : undefined
  await decide(context, request, result.state, {
    by,
    ...(reasonDigest === undefined ? {} : { reasonDigest }),
  })
}

/** Where the reviews that are known leave a request: nowhere, while nobody can say which of them are one person's. */
export function tallied(
  { documents }: Pick<Context, 'documents'>,
  { reviews, requested }: Pick<Request, 'reviews' | 'requested'>,
): Tally<ReviewEntry> {
  let people: People
  try {
    people = documents.people()
  } catch (error) {
    if (error instanceof HoldpointError) return { state: 'pending', missing: requested.approvals.threshold }
    throw error
  }
  return tally<ReviewEntry>(reviews, requested, people)
}

export const expire = (context: Context, request: Request): Promise<void> =>
  decide(context, request, 'expired')
/** `by` is the person who took it back; nobody where its process did, or is gone. */
export const cancel = (context: Context, request: Request, by?: Approver): Promise<void> =>
  decide(context, request, 'cancelled', by ? { by: [by] } : {})
