import type { GateAttempt, PendingApproval, Refusal } from '#gate'
import { gateOfProcess } from '../process-gate.ts'
import { isAbout, otherCall } from './attempt.ts'
import { keepResumption } from './resumptions.ts'
import type { ApprovalRequestPart, ApprovalResponsePart, Message, ToolCallPart } from './sdk.ts'

/** What is asked of people for the tool calls that the SDK itself interrupts. Keep it as JSON beside the messages. */
export interface HeldApprovals {
  v: 1
  /** By the SDK's approval id. */
  calls: Record<string, HeldApproval>
}
export type HeldApproval =
  | { status: 'pending'; approval: PendingApproval }
  | { status: 'allowed' }
  | { status: 'refused'; message: string }

export type ResumedApprovals<M> =
  /** Hand these very messages to the SDK: their answers are ours, whatever the client's said. */
  | { ready: true; messages: M[] }
  /** Approval ids that people have not decided yet, or that were never asked about. Nothing is spent. */
  | { ready: false; waiting: string[] }

/**
 * Asks for every tool call that `needsApproval` or `toolApproval` has interrupted, and does not wait: the process may
 * end. Takes the content of a result: `requestApprovals(await result.content)`. Throws INVALID_CONFIG in a process
 * without a gate.
 */
export async function requestApprovals(
  content: readonly { type: string }[],
  facts: Pick<GateAttempt, 'agentName' | 'conversation' | 'user'> = {},
): Promise<HeldApprovals> {
  const calls = content.filter(isOpenRequest).flatMap(({ approvalId, toolCall }) => {
    return toolCall === undefined
      ? []
      : [request(toolCall, facts).then((held) => [approvalId, held] as const)]
  })
  return { v: 1, calls: Object.fromEntries(await Promise.all(calls)) }
}

async function request(
  { toolName, toolCallId, input }: Omit<ToolCallPart, 'type'>,
  facts: object,
): Promise<HeldApproval> {
  const asked = await gateOfProcess().request({
    ...facts,
    kind: 'tool',
    name: toolName,
    arguments: input ?? {},
    attempt: toolCallId,
  })
  return asked.status === 'refused' ? { status: 'refused', message: asked.refusal.message } : asked
}

/**
 * Answers the open approval requests of a conversation as people have: each by its own id, request and arguments,
 * whatever is pending and whatever the client's messages claim. All of them or none, for the SDK goes on with all or
 * fails. An approved call then runs under its approval, asked of nobody again. Throws as `requestApprovals` does.
 */
export async function resumeApprovals<M extends { role: string; content: unknown }>(
  messages: readonly M[],
  held: HeldApprovals,
): Promise<ResumedApprovals<M>> {
  const open = openRequestsIn(messages)
  const decided = await Promise.all(
    open.map(async (one) => [one.approvalId, await decide(one, held)] as const),
  )
  const waiting = decided.flatMap(([id, how]) => (how === 'waiting' ? [id] : []))
  if (waiting.length > 0) return { ready: false, waiting }
  const responses = await Promise.all(
    decided.map(([approvalId, how]) => respond(approvalId, how as Exclude<Decided, 'waiting'>)),
  )
  if (responses.includes(undefined))
    return { ready: false, waiting: open.map(({ approvalId }) => approvalId) }
  const others = withoutResponses(messages, new Set(open.map(({ approvalId }) => approvalId)))
  const own: Message[] = responses.length === 0 ? [] : [{ role: 'tool', content: responses }]
  return { ready: true, messages: [...others, ...(own as M[])] }
}

interface OpenCall {
  approvalId: string
  call: ToolCallPart | undefined
}
type Decided = 'waiting' | 'allowed' | { message: string } | Approval
interface Approval {
  approval: PendingApproval
  toolCallId: string
  isRefused: boolean
}

async function decide({ approvalId, call }: OpenCall, { calls }: HeldApprovals): Promise<Decided> {
  // Ids come from the client: `__proto__` is one like another.
  const held = Object.hasOwn(calls, approvalId) ? calls[approvalId] : undefined
  if (held === undefined || call === undefined) return 'waiting'
  if (held.status === 'allowed') return 'allowed'
  if (held.status === 'refused') return { message: String(held.message) }
  const { approval } = held
  if (!isAbout(approval, call)) return otherCall(call.toolName)
  const looked = await gateOfProcess().look(approval)
  if (looked === 'pending' || looked === 'unknown') return 'waiting'
  return { approval, toolCallId: call.toolCallId, isRefused: looked === 'refused' }
}

/** Undefined where the broker does not say why it refuses. */
async function respond(
  approvalId: string,
  how: Exclude<Decided, 'waiting'>,
): Promise<ApprovalResponsePart | undefined> {
  const part = { type: 'tool-approval-response', approvalId } as const
  if (how === 'allowed') return { ...part, approved: true }
  if ('message' in how) return { ...part, approved: false, reason: how.message }
  if (how.isRefused) {
    const refusal = await reasonOf(how.approval)
    return refusal === undefined ? undefined : { ...part, approved: false, reason: refusal.message }
  }
  const response = { ...part, approved: true }
  keepResumption(response, how)
  return response
}

async function reasonOf(approval: PendingApproval): Promise<Refusal | undefined> {
  const answer = await gateOfProcess().resume(approval)
  if (answer.permitted) answer.abandon()
  return 'refusal' in answer && !PASSING.has(answer.refusal.code) ? answer.refusal : undefined
}

const PASSING: ReadonlySet<Refusal['code']> = new Set(['BROKER_UNAVAILABLE', 'POLICY_UNAVAILABLE'])

/** Requests without a result. Of several calls with one id the SDK takes the last. */
function openRequestsIn(messages: readonly Message[]): OpenCall[] {
  const parts = messages.flatMap(({ content }) => (Array.isArray(content) ? (content as AnyPart[]) : []))
  const done = new Set(parts.flatMap((part) => (part.type === 'tool-result' ? [part.toolCallId] : [])))
  return parts
    .filter(isOpenRequest)
    .filter(({ toolCallId }) => !done.has(toolCallId))
    .map(({ approvalId, toolCallId }) => ({
      approvalId,
      call: parts.findLast(
        (part): part is AnyPart & ToolCallPart => part.type === 'tool-call' && part.toolCallId === toolCallId,
      ),
    }))
}

interface AnyPart {
  type: string
  toolCallId?: string
}
const isOpenRequest = (part: { type: string }): part is ApprovalRequestPart =>
  part.type === 'tool-approval-request' && (part as ApprovalRequestPart).isAutomatic !== true

/** Without what somebody else has answered for people. */
function withoutResponses<M extends { role: string; content: unknown }>(
  messages: readonly M[],
  open: ReadonlySet<string>,
): M[] {
  const isForged = (part: AnyPart & { approvalId?: string }): boolean =>
    part.type === 'tool-approval-response' && open.has(part.approvalId ?? '')
  return messages.flatMap((message) => {
    const { role, content } = message
    if (role !== 'tool' || !Array.isArray(content) || !content.some(isForged)) return [message]
    const left = content.filter((part) => !isForged(part))
    return left.length === 0 ? [] : [{ ...message, content: left }]
  })
}
