import { type Alarm, type FreezeEntry, HoldpointError, ledgerSubject } from '#contract'
import type { Context } from '../context.ts'
import type { Committed } from '../history/commit.ts'
import { frozenReason } from '../state/freezes.ts'
import { type Request, stateOf } from '../state/requests.ts'
import { cancel } from './decide.ts'
import { spend } from './spend.ts'

/** Throws AGENT_FROZEN. */
export function checkNotFrozen({ freezes }: Pick<Context, 'freezes'>, agentId: string): void {
  const freeze = freezes.of(agentId)
  if (freeze) throw new HoldpointError('AGENT_FROZEN', frozenReason(freeze))
}

/** The next change, written once: of two people who are at it at the same time, one is first. */
export async function commitFreeze(
  context: Context,
  change: Omit<FreezeEntry, 'type'>,
): Promise<Committed<FreezeEntry>> {
  const committed = await context.ledger.commit<FreezeEntry>(
    ledgerSubject.freeze(context.epoch(), change.agent, change.turn),
    { type: 'freeze', ...change },
  )
  context.freezes.apply(committed.entry, committed.position)
  return committed
}

/**
 * Every replica says so by itself as soon as it knows: gates then ask whichever one answers, and none of them is
 * behind for longer than this. The event stream keeps one alarm of them all.
 */
export function announceFreeze(
  { notify, documents }: Pick<Context, 'notify' | 'documents'>,
  change: FreezeEntry,
): void {
  const { agent, turn, frozen, by, at } = change
  const agents = agent === undefined ? documents.registrations().map((one) => one.agent.sub) : [agent]
  notify.trustChanged(agents)
  const kind = frozen ? 'frozen' : 'thawed'
  const alarm: Alarm = {
    kind,
    atMs: at,
    text: `${by.name} has ${frozen ? 'frozen' : 'thawed'} ${agent === undefined ? 'all agents' : `the agent ${agent}`}.`,
    ...(agent === undefined ? {} : { agentId: agent }),
    by: { iss: by.iss, sub: by.sub, name: by.name },
  }
  notify.alarm(kind, `${agent ?? '_all'}.${turn}`, alarm)
}

/** So many writes at a time. */
const AT_ONCE = 32

/**
 * Ends what frozen agents have open: what waits is cancelled, what is approved and not spent is revoked, both in the
 * name of whoever froze them. Also for what another replica opened in the same moment, and after a crash: any broker
 * that sees it does it. Calls `ended` for each.
 */
export async function endWorkOfFrozen(
  context: Context,
  isOver = () => false,
  ended: (how: 'cancelled' | 'revoked') => void = () => {},
): Promise<void> {
  const work = workOfFrozen(context)
  for (let from = 0; from < work.length && !isOver(); from += AT_ONCE)
    await Promise.all(
      work.slice(from, from + AT_ONCE).map(async ([request, by]) => {
        const how = await tryToEnd(context, request, by)
        if (how) ended(how)
      }),
    )
}

/** Taken at once, for the lists go on living. While nothing is frozen this costs nothing. */
function workOfFrozen({ freezes, requests }: Context): [Request, FreezeEntry['by']][] {
  const work: [Request, FreezeEntry['by']][] = []
  const all = freezes.current().some(({ agent }) => agent === undefined)
  const open = all
    ? [requests.pending(), requests.unfinished()]
    : freezes.current().map(({ agent = '' }) => requests.ofAgent(agent))
  for (const list of open)
    for (const request of list) {
      const freeze = freezes.of(request.requested.agent.sub)
      if (freeze && !request.spent) work.push([request, freeze.by])
    }
  return work
}

/** One that cannot be written now must not keep the others from their turn; the next sweep tries again. */
async function tryToEnd(context: Context, request: Request, by: FreezeEntry['by']) {
  try {
    return await end(context, request, by)
  } catch (error) {
    if (!(error instanceof HoldpointError)) throw error
    const { requestId } = request.requested
    context.log.warn('a request of a frozen agent could not be ended', { requestId, code: error.code })
    return undefined
  }
}

async function end(
  context: Context,
  request: Request,
  by: FreezeEntry['by'],
): Promise<'cancelled' | 'revoked' | undefined> {
  if (!request.decided) {
    await cancel(context, request, by)
    if (stateOf(request) === 'cancelled') return 'cancelled'
  }
  if (request.decided?.decision !== 'approved' || request.spent) return undefined
  const { entry, won } = await spend(context, request, 'revoked', { by })
  return won && entry.spend === 'revoked' ? 'revoked' : undefined
}
