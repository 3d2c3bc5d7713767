import { type Answer, type Gate, type PendingApproval, type ResumeOptions, refuse } from '#gate'
import { gateOfProcess } from '../process-gate.ts'
import { isAbout, type LangChainAttempt } from './attempt.ts'
import { guard } from './guard.ts'
import { keptApproval } from './kept.ts'
import type { Config, Tool } from './sdk.ts'

/** `interrupt` of `@langchain/langgraph`. */
export type Interrupt = (value: unknown) => unknown

const interrupts = new WeakMap<object, Interrupt>()
export const interruptOf = (tool: object): Interrupt | undefined => interrupts.get(tool)

/**
 * Where a call of this tool is held in a graph with a checkpointer, the graph is interrupted instead of kept waiting, and
 * the process may end: `interruptible(exportCustomers, interrupt)`. The interrupt's value is what `Command({ resume })`
 * has to give back; it goes on under exactly that request, and any other value is refused. Elsewhere the call waits.
 */
export function interruptible<T extends Tool>(tool: T, interrupt: Interrupt): T {
  interrupts.set(tool, interrupt)
  return guard(tool)
}

/** `result.__interrupt__`, or the interrupts of a state's tasks. */
export interface GraphInterrupt {
  id?: string
  value?: unknown
}

export interface DecidedInterrupts {
  /** For `new Command({ resume })`: what people have decided, by the interrupt's id. */
  resume: Record<string, PendingApproval>
  /** Ids of the interrupts that people have not decided yet. Those of other tools are in neither. */
  waiting: string[]
}

/** Looks what people have decided, and spends nothing. Throws INVALID_CONFIG in a process without a gate. */
export async function decidedInterrupts(given: readonly GraphInterrupt[]): Promise<DecidedInterrupts> {
  const decided: DecidedInterrupts = { resume: {}, waiting: [] }
  const held = given.flatMap(({ id, value }) =>
    id !== undefined && isPending(value) ? [{ id, approval: value }] : [],
  )
  await Promise.all(
    held.map(async ({ id, approval }) => {
      const looked = await gateOfProcess().look(approval)
      if (looked === 'pending' || looked === 'unknown') decided.waiting.push(id)
      else decided.resume[id] = approval
    }),
  )
  return decided
}

const isPending = (value: unknown): value is PendingApproval => {
  const { requestId, actionDigest, action } = (value ?? {}) as Partial<PendingApproval>
  return typeof requestId === 'string' && typeof actionDigest === 'string' && typeof action === 'object'
}

/**
 * One task of a graph can be interrupted for one call: it begins anew when it goes on, and the results of its other
 * calls would be lost. (Agents run each call as a task of its own.) Whether this call is the one.
 */
export function claimTask({ configurable }: Config, attempt: LangChainAttempt, gate: Gate): boolean {
  if (isFree(attempt, gate)) return false
  const task = configurable?.__pregel_scratchpad
  if (typeof task !== 'object' || task === null) return true
  if (claimed.has(task)) return false
  claimed.add(task)
  return true
}
const claimed = new WeakSet<object>()

/** Nobody will be asked: neither does the graph have to wait. */
const isFree = (attempt: LangChainAttempt, gate: Gate): boolean =>
  ['allow', 'observe', 'deny'].includes(gate.foresee(attempt))

interface Where {
  interrupt: Interrupt
  isFirst: boolean
  config: Config
}

/** Throws the graph's own signal where people have to be waited for. */
export async function askOrInterrupt(
  attempt: LangChainAttempt,
  { interrupt, isFirst, config }: Where,
  gate: Gate,
): Promise<Answer> {
  if (!isFirst) return isFree(attempt, gate) ? gate.ask(attempt) : onlyOne(attempt)
  const pending: Partial<PendingApproval> = {}
  let given: unknown
  try {
    given = interrupt(pending)
  } catch (error) {
    // No graph, or none that could go on: the call waits.
    if (!isInterrupt(error)) return gate.ask(attempt)
    const kept = await keptApproval(config, attempt)
    const asked = kept === undefined ? await gate.request(attempt) : undefined
    if (asked?.status === 'allowed') return gate.ask(attempt)
    if (asked?.status === 'refused') return { permitted: false, refusal: asked.refusal }
    // What is kept with the graph is written once this has been thrown.
    Object.assign(pending, kept ?? asked?.approval)
    throw error
  }
  return goOn(attempt, given, interrupt, gate)
}

async function goOn(
  attempt: LangChainAttempt,
  given: unknown,
  interrupt: Interrupt,
  gate: Gate,
): Promise<Answer> {
  if (!isAbout(given, attempt)) return { permitted: false, refusal: otherCall(attempt) }
  const { agentName, conversation, user, signal, failureIn } = attempt
  const options: ResumeOptions = {
    ...(agentName === undefined ? {} : { agentName }),
    ...(conversation === undefined ? {} : { conversation }),
    ...(user === undefined ? {} : { user }),
    ...(signal === undefined ? {} : { signal }),
    ...(failureIn === undefined ? {} : { failureIn }),
  }
  const answer = await gate.resume(given, options)
  if (!('pending' in answer)) return answer
  // Too early: the graph waits for the same request again.
  return goOn(attempt, interrupt(given), interrupt, gate)
}

const isInterrupt = (error: unknown): boolean => (error as Error | undefined)?.name === 'GraphInterrupt'

const otherCall = ({ name }: LangChainAttempt): ReturnType<typeof refuse> =>
  refuse({
    code: 'WARRANT_MISMATCH',
    name,
    reason: 'What the graph was resumed with is not what people were asked about for this call.',
  })

const onlyOne = ({ name }: LangChainAttempt): Answer => ({
  permitted: false,
  refusal: refuse({
    code: 'APPROVAL_IMPOSSIBLE',
    name,
    reason: 'This graph can wait for one call at a time. Call this one again by itself.',
  }),
})
