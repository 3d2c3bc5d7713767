import { HoldpointError } from '#contract'
import type { Component } from '#runtime'
import type { Context } from './context.ts'
import { cancel, decideByReviews, expire } from './decide.ts'
import type { Request } from './requests.ts'
import { conclude, hasLapsed, spend } from './spend.ts'

/** Takes the arrows that time takes: expired, abandoned, lapsed, ambiguous. Every one is a write-once fact. */
export async function sweep(context: Context, isOver = () => false): Promise<void> {
  const { requests } = context
  const work = [
    ...[...requests.pending()].map((request) => [request, tendPending] as const),
    ...[...requests.unfinished()].map((request) => [request, tendUnfinished] as const),
  ]
  // Each may take seconds while the ledger does not answer: a stop does not wait for all of them.
  for (const [request, how] of work) if (!isOver()) await tend(context, request, how)
}

/** One request that cannot be written now must not keep the others from their turn; the next sweep tries again. */
async function tend(context: Context, request: Request, how: typeof tendPending): Promise<void> {
  try {
    await how(context, request)
  } catch (error) {
    if (!(error instanceof HoldpointError)) throw error
    context.log.warn('a request could not be tended', {
      requestId: request.requested.requestId,
      code: error.code,
    })
  }
}

async function tendPending(context: Context, request: Request): Promise<void> {
  // A broker that died between a review and its decision left the decision to us.
  if (request.reviews.length > 0) await decideByReviews(context, request)
  if (request.decided) return
  if (context.now() >= request.requested.expiresAt) return expire(context, request)
  if (await isAbandoned(context, request)) return cancel(context, request)
}

async function tendUnfinished(context: Context, request: Request): Promise<void> {
  if (request.spent?.spend === 'consumed') {
    // It began and nobody is left to say how it ended.
    if (await isAbandoned(context, request)) await conclude(context, request, 'ambiguous')
  } else if (hasLapsed(request, context.now())) await spend(context, request, 'lapsed')
}

/** Its process has been silent for a whole lease, and we could have heard it. */
async function isAbandoned(context: Context, { requested }: Request): Promise<boolean> {
  const { leases } = context
  const isLost = (): boolean => leases.lost(requested.agent.sub, requested.process, requested.at)
  if (!isLost()) return false
  try {
    // A line that was cut without a word looks like silence, until something has to come back over it.
    await context.catchUp()
  } catch (error) {
    leases.resumed()
    throw error
  }
  return isLost()
}

/** Sweeps one after the other, every `everyMs`. */
export function createSweeper(everyMs: number, context: Context): Component {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  const turn = (): void => {
    running = sweep(context, () => timer === undefined)
      .catch((error: unknown) => context.log.error('a sweep failed', { error }))
      .then(() => {
        if (timer) timer = setTimeout(turn, everyMs)
      })
  }
  return {
    name: 'sweeper',
    async start() {
      timer = setTimeout(turn, everyMs)
    },
    async stop() {
      clearTimeout(timer)
      timer = undefined
      await running
    },
  }
}
