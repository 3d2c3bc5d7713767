import { canonicalize } from '#contract'
import { type Gate, type GateAttempt, type Held, type PendingApproval, type Refusal, refuse } from '#gate'
import { isElicitationOn, MESSAGE, pageOf } from './page.ts'
import type { Context, LowServer, V2Context } from './sdk.ts'

/**
 * MCP's own way to wait, of protocol 2026-07-28: the call is answered at once with what it lacks and a state, and the
 * client makes it again with that state. Neither side keeps a connection meanwhile, and the server may be another process.
 */
export interface InputRequired {
  resultType: 'input_required'
  requestState: string
  inputRequests?: Record<string, object>
}

/**
 * For clients that speak that protocol, where `HOLDPOINT_MCP_ELICITATION` is `on`; the others are held. So is everything
 * on a server that lets no state pass but its own.
 */
export const isBridged = (context: Context, server: LowServer): context is V2Context =>
  context.mcpReq?.envelope !== undefined &&
  isElicitationOn() &&
  (server as { _requestStateVerify?: unknown })._requestStateVerify === undefined

/** The tool's own questions to the client have a state and answers of their own. */
export const withoutAnswer = (context: V2Context): V2Context =>
  approvalTextIn(context) === undefined
    ? context
    : { ...context, mcpReq: { ...context.mcpReq, requestState: () => undefined, inputResponses: undefined } }

/** As `Gate.hold`, over several calls of the client. The state comes from the client: all of it is hostile. */
export async function holdByRetries<T>(
  attempt: GateAttempt,
  context: V2Context,
  gate: Gate,
  run: (approved: never) => T | Promise<T>,
): Promise<Held<T> | { asked: InputRequired }> {
  const text = approvalTextIn(context)
  if (text === undefined) return ask(attempt, context, gate, run)
  const approval = readApproval(text, attempt)
  if (approval === undefined) return { ran: false, refusal: otherCall(attempt) }
  if (isDeclined(context)) return { ran: false, refusal: await withdraw(text, approval, gate) }
  const { onHeld: tell, ...more } = attempt
  tell?.(approval)
  const answer = await gate.resume(approval, { ...more, waitMs: WAIT_MS })
  if ('pending' in answer) return { asked: { resultType: 'input_required', requestState: PREFIX + text } }
  issued.delete(text)
  return answer.permitted
    ? { ran: true, value: await answer.run(run as never) }
    : { ran: false, refusal: answer.refusal }
}

/** Clients give up after ten rounds, and after 60 s in each: so one round lasts long. */
const WAIT_MS = 30_000

async function ask<T>(
  attempt: GateAttempt,
  context: V2Context,
  gate: Gate,
  run: (approved: never) => T | Promise<T>,
): Promise<Held<T> | { asked: InputRequired }> {
  const foreseen = gate.foresee(attempt)
  const asked =
    foreseen === 'allow' || foreseen === 'observe'
      ? { status: 'allowed' as const }
      : await gate.request(attempt)
  if (asked.status === 'allowed') return gate.hold(attempt, run as never)
  if (asked.status === 'refused') return { ran: false, refusal: asked.refusal }
  const text = JSON.stringify(asked.approval)
  remember(text)
  const url = pageOf(asked.approval.requestId, context.mcpReq.envelope?.[CAPABILITIES])
  const inputRequests =
    url === undefined
      ? {}
      : {
          inputRequests: {
            [KEY]: { method: 'elicitation/create', params: { mode: 'url', message: MESSAGE, url } },
          },
        }
  return { asked: { resultType: 'input_required', requestState: PREFIX + text, ...inputRequests } }
}

const KEY = 'holdpoint'
const PREFIX = 'holdpoint:'

/** Undefined where the state is the tool's own. */
function approvalTextIn({ mcpReq }: V2Context): string | undefined {
  const state = mcpReq.requestState?.()
  return typeof state === 'string' && state.startsWith(PREFIX) ? state.slice(PREFIX.length) : undefined
}

/** What the gate resumes is what the state says: so that has to be this very call. */
function readApproval(
  text: string,
  { kind, name, target, arguments: given }: GateAttempt,
): PendingApproval | undefined {
  try {
    const approval = JSON.parse(text) as PendingApproval
    const { action } = approval
    const isThis = action.kind === kind && action.name === name && action.target === target
    return isThis && canonicalize(action.arguments) === canonicalize(given) ? approval : undefined
  } catch {
    return undefined
  }
}

const otherCall = ({ name }: GateAttempt): Refusal =>
  refuse({
    code: 'WARRANT_MISMATCH',
    name,
    reason: 'What people were asked about is another call than this one.',
  })

const isDeclined = ({ mcpReq: { inputResponses } }: V2Context): boolean => {
  const { action } = (inputResponses?.[KEY] ?? {}) as { action?: unknown }
  return action === 'decline' || action === 'cancel'
}

/** States that went out from here and may still come back: nobody takes back a request by its bare id. */
const issued = new Set<string>()
const MOST_ISSUED = 10_000

function remember(text: string): void {
  const [oldest] = issued
  if (issued.size >= MOST_ISSUED && oldest !== undefined) issued.delete(oldest)
  issued.add(text)
}

async function withdraw(text: string, approval: PendingApproval, gate: Gate): Promise<Refusal> {
  if (issued.delete(text)) await gate.withdraw(approval)
  return refuse({
    code: 'APPROVAL_CANCELLED',
    name: approval.action.name,
    reason: 'The user of the client did not want to wait for the approval.',
  })
}

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities'
