import { setImmediate } from 'node:timers/promises'
import { HoldpointError } from '#contract'
import type { Component } from '#runtime'
import type { Context } from '../context.ts'
import { recordDirectory } from '../documents/directory-record.ts'
import type { Party } from '../state/live.ts'
import type { Request } from '../state/requests.ts'
import { cancel, decideByReviews, expire } from './decide.ts'
import { escalate } from './escalate.ts'
import { endWorkOfFrozen } from './freezing.ts'
import { conclude, hasLapsed, spend } from './spend.ts'

/**
 * Takes the arrows that time takes: expired, abandoned, lapsed, ambiguous. Every one is a write-once fact. It looks
 * at what is due, and once at each process that waits: a hundred thousand that wait for people cost it nothing.
 */
export async function sweep(context: Context, isOver = () => false): Promise<void> {
  await endWorkOfFrozen(context, isOver)
  await keepDirectory(context)
  const { requests } = context
  await tendAll(context, requests.toDecide(), tendReviewed, isOver)
  await tendAll(context, requests.due(context.now()), tendDue, isOver)
  await sweepParties(context, isOver)
}

/** Known to the ledger before long: whichever replica is first. */
async function keepDirectory(context: Context): Promise<void> {
  const { documents, knownDirectory, log } = context
  if ((documents.directory()?.version ?? 0) <= (knownDirectory()?.version ?? 0)) return
  try {
    await recordDirectory(context, context.epoch())
  } catch (error) {
    if (!(error instanceof HoldpointError)) throw error
    log.warn('which directory is in force could not be recorded', { code: error.code })
  }
}

/** So many writes at a time. */
const AT_ONCE = 32

type Tend = (context: Context, request: Request) => Promise<void>

/** Each may take seconds while the ledger does not answer: a stop does not wait for all of them. */
async function tendAll(context: Context, list: Request[], how: Tend, isOver: () => boolean): Promise<void> {
  for (let from = 0; from < list.length && !isOver(); from += AT_ONCE)
    await Promise.all(list.slice(from, from + AT_ONCE).map((request) => tend(context, request, how)))
}

/** One request that cannot be written now must not keep the others from their turn; the next sweep tries again. */
async function tend(context: Context, request: Request, how: Tend): Promise<void> {
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

/** A broker that died between a review and its decision left the decision to us. */
async function tendReviewed(context: Context, request: Request): Promise<void> {
  const { reviews } = request
  await decideByReviews(context, request)
  // While nobody can say which reviews are one person's, nothing was looked at.
  if (!request.decided && request.reviews === reviews && knowsPeople(context))
    context.requests.looked(request)
}

function knowsPeople({ documents }: Context): boolean {
  try {
    documents.people()
    return true
  } catch (error) {
    if (error instanceof HoldpointError) return false
    throw error
  }
}

async function tendDue(context: Context, request: Request): Promise<void> {
  if (request.reviews.length > 0) await decideByReviews(context, request)
  if (hasLapsed(request, context.now())) await spend(context, request, 'lapsed')
  if (request.decided) return
  if (context.now() >= request.requested.expiresAt) return expire(context, request)
  const step = context.requests.nextStep(request)
  if (step !== undefined) escalate(context, request, step)
}

/** How many processes are looked at before others have their turn. */
const AT_A_TIME = 1_000

async function sweepParties(context: Context, isOver: () => boolean): Promise<void> {
  let seen = 0
  for (const party of context.requests.parties()) {
    if (isOver()) return
    if (++seen % AT_A_TIME === 0) await setImmediate()
    if (!isLost(context, party)) continue
    try {
      // A line that was cut without a word looks like silence, until something has to come back over it.
      await context.catchUp()
    } catch (error) {
      if (!(error instanceof HoldpointError)) throw error
      context.leases.resumed()
      return context.log.warn('the requests of a silent process could not be tended', { code: error.code })
    }
    const tendLost: Tend = async (_, request) => {
      if (isLost(context, party)) await tendAbandoned(context, request)
    }
    await tendAll(context, [...party.requests], tendLost, isOver)
  }
}

/** Silent for a whole lease, and we could have heard it. */
const isLost = ({ leases }: Context, { agentId, process, sinceMs }: Party): boolean =>
  process !== undefined && leases.lost(agentId, process, sinceMs)

async function tendAbandoned(context: Context, request: Request): Promise<void> {
  if (request.reviews.length > 0) await decideByReviews(context, request)
  if (!request.decided) await cancel(context, request)
  // It began and nobody is left to say how it ended.
  else if (request.spent?.spend === 'consumed' && !request.outcome)
    await conclude(context, request, 'ambiguous')
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
