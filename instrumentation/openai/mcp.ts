import type { Gate, GateAttempt } from '#gate'
import { attemptOf, type Loosely } from './attempt.ts'
import type { EndUser, McpApprovalRequest, McpApprovalResponse } from './sdk.ts'
import { userIn } from './sdk.ts'

/**
 * MCP tools that the provider calls itself: nothing here can stop them but the answer to its question. Whatever the
 * program answers, a yes is asked of people before it leaves the process, in whichever request it stands. Server-side
 * tools that were declared with `require_approval: 'never'` are not asked about by the provider, nor here.
 */
export async function holdApprovals(client: Client, options: FinalOptions, gate: Gate): Promise<void> {
  for (const member of ['input', 'items'] as const) {
    const given = options.body?.[member]
    if (!Array.isArray(given) || !given.some((item) => isOpen(item, given))) continue
    // What is sent is a copy, taken before anybody was asked: neither does a yes slip in, nor another call under it.
    const items = JSON.parse(JSON.stringify(given)) as Item[]
    options.body = { ...options.body, [member]: await answered(items, client, options, gate) }
  }
}

/** The same items, with people's answers. */
async function answered(
  items: readonly Item[],
  client: Client,
  { body = {}, signal }: FinalOptions,
  gate: Gate,
): Promise<Item[]> {
  const isKnown = (item: Item): boolean => !isOpen(item, items) || requestIn(items, item) !== undefined
  const earlier = items.every(isKnown) ? [] : await outputOf(client, body.previous_response_id)
  const more = { signal: signal ?? undefined, user: userIn(body), conversation: conversationIn(body) }
  return Promise.all(
    items.map(async (item) =>
      isOpen(item, items) ? holdMcp(gate, requestIn([...items, ...earlier], item), item, more) : item,
    ),
  )
}

/** What was released, and may stand in the history of later requests: at most so many, the oldest go first. */
const released = new Set<string>()
const REMEMBERED = 10_000

/** People's answer instead of the program's yes. What cannot be named is asked about in any case. */
export async function holdMcp(
  gate: Gate,
  request: McpApprovalRequest | undefined,
  answer: McpApprovalResponse,
  more: Pick<Partial<Loosely<GateAttempt>>, 'user' | 'conversation' | 'signal'>,
): Promise<McpApprovalResponse> {
  const keys = keysOf(request, answer)
  if (released.has(keys.exact)) return answer
  const held = await gate.hold(attemptOf({ ...callOf(request, answer), ...more }), () => {
    release(keys)
    return answer
  })
  return held.ran ? held.value : { ...answer, approve: false, reason: held.refusal.message }
}

/** The call, as the provider has announced it. */
export const callOf = (
  request: McpApprovalRequest | undefined,
  { approval_request_id: id }: Pick<McpApprovalResponse, 'approval_request_id'>,
): GateAttempt =>
  request === undefined
    ? {
        kind: 'mcp',
        name: 'mcp_approval_response',
        arguments: { approval_request_id: id },
        attempt: id,
        doubt: 'Which MCP tool the provider would call is not known here.',
      }
    : {
        kind: 'mcp',
        name: request.name,
        target: request.server_label,
        argumentsText: request.arguments || '{}',
        attempt: id,
      }

/** From now on this answer may leave the process. */
export function release({ exact, byId }: Keys): void {
  for (const key of [exact, byId]) released.add(key)
  for (const key of released) if (released.size > REMEMBERED) released.delete(key)
}

interface Keys {
  exact: string
  byId: string
}
export function keysOf(
  request: McpApprovalRequest | undefined,
  { approval_request_id: id }: Pick<McpApprovalResponse, 'approval_request_id'>,
): Keys {
  const byId = JSON.stringify([id])
  if (request === undefined) return { exact: byId, byId }
  // Without a store at the provider its question comes back from here: another call under a known id is another call.
  return { exact: JSON.stringify([id, request.server_label, request.name, request.arguments]), byId }
}

/** A yes that the provider has not acted upon yet. */
const isOpen = (item: Item | null, input: readonly (Item | null)[]): item is McpApprovalResponse =>
  item?.type === 'mcp_approval_response' &&
  item.approve === true &&
  !input.some((one) => one?.type === 'mcp_call' && one.approval_request_id === item.approval_request_id)

const requestIn = (
  items: readonly Item[],
  { approval_request_id: id }: Item,
): McpApprovalRequest | undefined =>
  items.find(
    (item): item is McpApprovalRequest & Item => item?.type === 'mcp_approval_request' && item.id === id,
  )

/** What the provider itself says it has asked; nothing where it does not say. */
async function outputOf(client: Client, id: string | null | undefined): Promise<readonly Item[]> {
  if (typeof id !== 'string') return []
  try {
    return (await client.responses.retrieve(id)).output
  } catch {
    return []
  }
}

function conversationIn({ conversation }: Body): string | undefined {
  const id = typeof conversation === 'string' ? conversation : conversation?.id
  return id === undefined || id === '' ? undefined : id
}

interface Item {
  type?: string
  id?: string
  approve?: unknown
  approval_request_id?: unknown
}
interface Body extends EndUser {
  input?: Item[] | string
  /** Of a conversation that the provider keeps. */
  items?: Item[]
  previous_response_id?: string | null
  conversation?: string | { id: string } | null
}
export interface FinalOptions {
  body?: Body
  signal?: AbortSignal | null
}
export interface Client {
  responses: { retrieve(id: string): PromiseLike<{ output: readonly Item[] }> }
}
