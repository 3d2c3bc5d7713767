import { randomBytes } from 'node:crypto'
import {
  type Approver,
  type Digest,
  digestBytes,
  digestJson,
  type FreezeCall,
  type FreezeEntry,
  type FreezeReply,
  freezeCallShape,
  freezeName,
  HoldpointError,
} from '#contract'
import { type MayDo, mayDo } from '#policy'
import { commitFreeze, endWorkOfFrozen } from '../arrows/freezing.ts'
import type { Context } from '../context.ts'
import type { Committed } from '../history/commit.ts'
import { reasonPart } from '../request/request-payload.ts'
import type { DeskHandler } from './handler.ts'
import { signedIn } from './review.ts'

/** The rest is the sweep's: nobody who stops an agent is kept waiting for it. */
const END_WORK_WITHIN_MS = 4_000

/**
 * Stops an agent, or all of them, or ends that: the change itself first, then what it makes void. Stopping only refuses
 * more, so neither an expired policy or directory nor a ledger that has drifted keeps anybody from it: who had the duty
 * last has it. Ending it takes all of them as they have to be.
 */
export const freeze: DeskHandler<FreezeCall, FreezeReply> = {
  shape: freezeCallShape,
  async handle({ token, agentId, frozen, reason, channel }, context) {
    const person = await context.identity.verifyToken(token)
    const { documents } = context
    if (frozen) checkMay(mayDo(documents.lastPolicy(), documents.lastPeople(), person, 'freeze'))
    else {
      context.assertOpen()
      checkMay(mayDo(documents.policy().compiled, documents.people(), person, 'freeze'))
    }
    // Throws UNKNOWN_AGENT: somebody who mistypes a name must not believe that an agent is stopped.
    if (agentId !== undefined) documents.registration(agentId)
    const asked: Asked = { agent: agentId, by: signedIn(person, channel, digestBytes(token)), reason }
    const change = frozen ? await stop(context, asked) : await thaw(context, asked)
    return {
      ...(agentId === undefined ? {} : { agentId }),
      frozen: change.frozen,
      sinceMs: change.at,
      ...(frozen ? await endWork(context) : { cancelled: 0, revoked: 0 }),
    }
  },
}

function checkMay(may: MayDo): void {
  if (!may.ok) throw new HoldpointError(may.code, may.reason)
}

interface Asked {
  agent: string | undefined
  by: Approver
  reason: string | undefined
}

/** Whoever asks for what is so already, or comes second, gets what there is: it is what they asked for. */
async function stop(context: Context, asked: Asked): Promise<FreezeEntry> {
  const { freezes } = context
  // Somebody may have ended it through another replica a moment ago. What is not frozen waits for nothing.
  if (freezes.newestOf(asked.agent)?.frozen) await context.catchUp()
  for (;;) {
    const before = freezes.newestOf(asked.agent)
    if (before?.frozen) return before
    const { won, entry } = await write(context, asked, { turn: (before?.turn ?? 0) + 1, frozen: true })
    if (won) return entry
    // The turn was taken, and what it began may be over as well: the next look has to know all of it.
    await context.catchUp()
  }
}

async function thaw(context: Context, asked: Asked): Promise<FreezeEntry> {
  await context.catchUp()
  const before = context.freezes.newestOf(asked.agent)
  if (!before?.frozen)
    throw new HoldpointError(
      'NOT_FOUND',
      `${asked.agent ?? 'all agents'}: not frozen, so there is nothing to end`,
    )
  checkSecondPerson(context, before, asked.by)
  return (await write(context, asked, { turn: before.turn + 1, frozen: false })).entry
}

/** Not whoever froze, and not whoever wants the agent to run: neither with another account of theirs. */
function checkSecondPerson({ documents }: Context, before: FreezeEntry, by: Approver): void {
  const people = documents.people()
  if (people.same(before.by, by))
    throw new HoldpointError('SELF_APPROVAL', `${before.by.name} froze it: another person ends that`)
  if (before.agent === undefined) return
  const { owner } = documents.registration(before.agent).registration
  if (people.same(owner, by))
    throw new HoldpointError('SELF_APPROVAL', 'whoever owns the agent does not end its freeze')
}

/** What counts: this change, or that of somebody who was first. */
async function write(
  context: Context,
  { agent, by, reason }: Asked,
  turn: Pick<FreezeEntry, 'turn' | 'frozen'>,
): Promise<Committed<FreezeEntry>> {
  const named = { ...(agent === undefined ? {} : { agent }), ...turn }
  const reasonDigest = reason === undefined ? undefined : await keepReason(context, named, reason)
  return commitFreeze(context, {
    at: context.now(),
    ...named,
    by,
    ...(reasonDigest === undefined ? {} : { reasonDigest }),
  })
}

/** Beside each other, should two people be at it: each part is named by its digest. */
async function keepReason(
  { payloads, log }: Context,
  change: Pick<FreezeEntry, 'agent' | 'turn'>,
  reason: string,
): Promise<Digest | undefined> {
  const words = { salt: randomBytes(16).toString('base64url'), reason }
  const digest = digestJson(words)
  try {
    await payloads.create(freezeName(change), reasonPart(digest), words)
    return digest
  } catch (error) {
    // Words can be said again; an agent that goes on cannot be undone.
    log.warn('the reason of a freeze could not be kept', { error })
    return undefined
  }
}

async function endWork(context: Context): Promise<Pick<FreezeReply, 'cancelled' | 'revoked'>> {
  const counts = { cancelled: 0, revoked: 0 }
  const until = performance.now() + END_WORK_WITHIN_MS
  await endWorkOfFrozen(
    context,
    () => performance.now() > until,
    (how) => counts[how]++,
  )
  return counts
}
