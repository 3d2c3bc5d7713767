import type { PendingApproval } from '#gate'
import type { ApprovalResponsePart, ExecuteOptions } from './sdk.ts'

interface Resumption {
  toolCallId: string
  approval: PendingApproval
}

/**
 * Approval responses that were made here, of which the SDK hands the very objects on to the tool. What a client writes
 * into its messages is never one of them.
 */
const resumptions = new WeakMap<object, Resumption>()

export function keepResumption(part: ApprovalResponsePart, resumption: Resumption): void {
  resumptions.set(part, resumption)
}

export function approvalFor({ messages, toolCallId }: ExecuteOptions): PendingApproval | undefined {
  const content = messages?.at(-1)?.content
  if (!Array.isArray(content)) return undefined
  return content.map((part) => resumptions.get(part)).find((one) => one?.toolCallId === toolCallId)?.approval
}
