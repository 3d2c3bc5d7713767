import { canonicalize, parseJson } from '#contract'
import { type PendingApproval, type Refusal, type ResumeOptions, refuse } from '#gate'
import { gateOfProcess } from '../process-gate.ts'
import { callOf, keysOf, release } from './mcp.ts'
import type { McpApprovalRequest, McpApprovalResponse } from './sdk.ts'

/** What is asked of people for the MCP calls of one response. Keep it as JSON beside the response's id. */
export interface HeldMcpApprovals {
  v: 1
  calls: HeldMcpCall[]
}
export interface HeldMcpCall {
  request: McpApprovalRequest
  asked:
    | { status: 'pending'; approval: PendingApproval }
    | { status: 'allowed' }
    | { status: 'refused'; message: string }
}

/**
 * Asks for every MCP call that the provider wants approved in a response, and does not wait: the process may end.
 * Throws INVALID_CONFIG in a process without a gate.
 */
export async function requestMcpApprovals(response: {
  output: readonly { type: string }[]
}): Promise<HeldMcpApprovals> {
  const gate = gateOfProcess()
  const calls = response.output
    .filter(isRequest)
    .map(async ({ type, id, server_label, name, arguments: text }) => {
      const request = { type, id, server_label, name, arguments: text }
      const asked = await gate.request(callOf(request, { approval_request_id: id }))
      if (asked.status !== 'refused') return { request, asked }
      return { request, asked: { status: asked.status, message: asked.refusal.message } }
    })
  return { v: 1, calls: await Promise.all(calls) }
}

/**
 * The answers that people have given meanwhile, for the next request's `input`, each to its own question; `waiting` are
 * the ids of those that nobody has decided yet. A yes is spent here: send it. Throws as `requestMcpApprovals` does.
 */
export async function resumeMcpApprovals(
  held: HeldMcpApprovals,
  options: Pick<ResumeOptions, 'waitMs' | 'signal'> = {},
): Promise<{ input: McpApprovalResponse[]; waiting: string[] }> {
  const resumed = { input: [] as McpApprovalResponse[], waiting: [] as string[] }
  await Promise.all(
    held.calls.map(async (call) => {
      const answer = await decide(call, options)
      if (answer === 'waiting') resumed.waiting.push(call.request.id)
      else resumed.input.push(answer)
    }),
  )
  return resumed
}

async function decide(
  { request, asked }: HeldMcpCall,
  options: Pick<ResumeOptions, 'waitMs' | 'signal'>,
): Promise<McpApprovalResponse | 'waiting'> {
  const answer = (approve: boolean, reason?: string): McpApprovalResponse => ({
    type: 'mcp_approval_response',
    approval_request_id: request.id,
    approve,
    ...(reason === undefined ? {} : { reason }),
  })
  const yes = () => {
    const said = answer(true)
    release(keysOf(request, said))
    return said
  }
  const gate = gateOfProcess()
  if (asked.status === 'refused') return answer(false, String(asked.message))
  if (asked.status === 'allowed') {
    // The record may have been changed: policy is asked again, for what it says now.
    const held = await gate.hold(callOf(request, { approval_request_id: request.id }), yes)
    return held.ran ? held.value : answer(false, held.refusal.message)
  }
  if (!isAbout(request, asked.approval)) return answer(false, otherCall(request).message)
  const permit = await gate.resume(asked.approval, options)
  if (permit.permitted) return permit.run(yes)
  if ('pending' in permit || PASSING.has(permit.refusal.code)) return 'waiting'
  return answer(false, permit.refusal.message)
}

/** After these the question is as it was: people's answer can still be asked for. */
const PASSING: ReadonlySet<Refusal['code']> = new Set(['BROKER_UNAVAILABLE', 'POLICY_UNAVAILABLE'])

/** The record has lain in a store: what people were asked about has to be this very call. */
function isAbout(request: McpApprovalRequest, { action, attempt }: PendingApproval): boolean {
  const { kind, name, target } = action
  if (kind !== 'mcp' || name !== request.name || target !== request.server_label) return false
  try {
    const same = canonicalize(parseJson(request.arguments || '{}')) === canonicalize(action.arguments)
    return same && attempt === request.id
  } catch {
    return false
  }
}

const otherCall = ({ name }: McpApprovalRequest): Refusal =>
  refuse({
    code: 'WARRANT_MISMATCH',
    name,
    reason: 'What people were asked about is another call than this one.',
  })

const isRequest = (item: { type: string }): item is McpApprovalRequest => item.type === 'mcp_approval_request'
