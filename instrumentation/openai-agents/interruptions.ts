import { HoldpointError } from '#contract'
import { type PendingApproval, type Permit, type Refusal, type ResumeOptions, refuse } from '#gate'
import { gateOfProcess } from '../process-gate.ts'
import { attemptOf, type Origin } from './attempt.ts'
import { keyOf, originOfGuarded, RESUMED } from './guard.ts'
import { keptFor, userOf } from './runs.ts'
import type { Agent, Interruption, RunState, Tool } from './sdk.ts'

/** What is asked of people for the interruptions of one run. Keep it as JSON beside the serialised `RunState`. */
export interface HeldInterruptions {
  v: 1
  /** By tool call id. */
  calls: Record<string, HeldCall>
}
export type HeldCall =
  | { status: 'pending'; approval: PendingApproval }
  | { status: 'allowed' }
  | { status: 'refused'; message: string }

export interface ResumedInterruptions {
  /** Ids of the calls that are approved or rejected in the state now. */
  decided: string[]
  /** Ids of the calls that people have not decided yet, or that were never asked about: they stay interrupted. */
  waiting: string[]
}

/**
 * Asks for every function tool call that `needsApproval` has interrupted, and does not wait: the process may end.
 * Other interruptions are left to the program. Throws INVALID_CONFIG in a process without a gate, and for a tool that
 * is not under it.
 */
export async function requestInterruptions(result: {
  interruptions: readonly Interruption[]
  state: Pick<RunState, '_context'>
}): Promise<HeldInterruptions> {
  const calls = result.interruptions.filter(isFunctionCall).map(async (item) => {
    return [item.rawItem.callId, await request(item, result.state._context)] as const
  })
  return { v: 1, calls: Object.fromEntries(await Promise.all(calls)) }
}

async function request(item: FunctionCall, context: object): Promise<HeldCall> {
  const { name, callId, arguments: text } = item.rawItem
  const origin = await originOf(item, context)
  const attempt = await attemptOf(name, origin, text, { callId, agent: item.agent })
  const asked = await gateOfProcess().request(attempt)
  return asked.status === 'refused' ? { status: 'refused', message: asked.refusal.message } : asked
}

/**
 * Approves and rejects, in a state that goes on, exactly the calls that people have decided: each by its own id,
 * request and arguments, whatever else is pending. An approved call then runs under its approval, asked of nobody again;
 * run the state within a minute. `waitMs`, at most 30 s, waits for those that are undecided; call it again as often as
 * need be. Throws as `requestInterruptions` does.
 */
export async function resumeInterruptions(
  state: RunState,
  held: HeldInterruptions,
  { waitMs = 0 }: Pick<ResumeOptions, 'waitMs'> = {},
): Promise<ResumedInterruptions> {
  const permits = keptFor(state)
  const options = { waitMs: Math.min(waitMs, LONGEST_WAIT_MS) }
  const resumed: ResumedInterruptions = { decided: [], waiting: [] }
  const items = state.getInterruptions().filter(isFunctionCall)
  await Promise.all(items.map((item) => resume(item)))
  return resumed

  async function resume(item: FunctionCall): Promise<void> {
    const { callId, name } = item.rawItem
    const key = keyOf(name, item.rawItem)
    const isKept = key !== undefined && permits.has(RESUMED, key)
    const answer = isKept ? 'allowed' : await decide(item, callIn(held, callId), state._context, options)
    resumed[answer === 'waiting' ? 'waiting' : 'decided'].push(callId)
    if (answer === 'waiting') return
    if (answer === 'allowed') return state.approve(item as never)
    if ('message' in answer) return state.reject(item as never, { message: answer.message })
    permits.put(RESUMED, key as string, answer)
    state.approve(item as never)
  }
}

/** While one call is waited for, the approval of another is spent already, and kept for a minute. */
const LONGEST_WAIT_MS = 30_000

type Decided = 'waiting' | 'allowed' | Permit | { message: string }

async function decide(
  item: FunctionCall,
  call: HeldCall | undefined,
  context: object,
  options: ResumeOptions,
): Promise<Decided> {
  if (call === undefined) return 'waiting'
  // Before anything is spent: a tool that is not under the gate would run without its permit.
  const origin = await originOf(item, context)
  if (call.status === 'allowed') return 'allowed'
  if (call.status === 'refused') return { message: String(call.message) }
  if (!isAbout(item, origin, call.approval)) return otherCall(item.rawItem)
  const { agent } = item
  const user = userOf(agent)
  const more = { ...options, agentName: agent.name, ...(user === undefined ? {} : { user }) }
  const answer = await gateOfProcess().resume(call.approval, more)
  if (answer.permitted) return answer
  return 'pending' in answer || PASSING.has(answer.refusal.code) ? 'waiting' : answer.refusal
}

/** After these the request is as it was: people's answer can still be asked for. */
const PASSING: ReadonlySet<Refusal['code']> = new Set(['BROKER_UNAVAILABLE', 'POLICY_UNAVAILABLE'])

/** The record has lain in a store, and a model chose the id: treat both as hostile. */
const callIn = ({ calls }: HeldInterruptions, callId: string): HeldCall | undefined =>
  Object.hasOwn(calls, callId) ? calls[callId] : undefined

/** The gate asks about what the record says: so that has to be this very call. */
function isAbout(
  { rawItem }: FunctionCall,
  origin: Origin,
  approval: Partial<PendingApproval> | null,
): boolean {
  const { action, attempt = '' } = approval ?? {}
  if (action?.kind !== origin.kind || action.target !== origin.target) return false
  const asked = keyOf(action.name, { callId: attempt, arguments: JSON.stringify(action.arguments) ?? '' })
  return asked !== undefined && asked === keyOf(rawItem.name, rawItem)
}

const otherCall = ({ name }: FunctionCall['rawItem']): Refusal =>
  refuse({
    code: 'WARRANT_MISMATCH',
    name,
    reason: 'What people were asked about is another call than this one.',
  })

/** Of the tool as its agent has it now; throws where no gate stands before it. */
async function originOf({ agent, rawItem }: FunctionCall, context: object): Promise<Origin> {
  const tools = await agent.getAllTools(context)
  const tool = tools.find((one) => (one as Tool & { name?: string }).name === rawItem.name)
  const origin = tool === undefined ? undefined : originOfGuarded(tool)
  if (origin === undefined)
    throw new HoldpointError(
      'INVALID_CONFIG',
      `The tool ${rawItem.name} of ${agent.name} is not under the gate: start with --import …/register, or guard(tool).`,
    )
  return origin
}

interface FunctionCall extends Interruption {
  agent: Agent
  rawItem: { type: 'function_call'; callId: string; name: string; arguments: string }
}

const isFunctionCall = (item: Interruption): item is FunctionCall => item.rawItem.type === 'function_call'
