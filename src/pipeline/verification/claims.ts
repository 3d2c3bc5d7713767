import { ATTR, type Digest, digestBytes, ERROR_TYPE, GEN_AI, type TraceRef } from '#contract'
import type { AnyValue, Attributes, Span } from '../otlp/span.ts'
import { inByteOrder, valueText } from '../otlp/text.ts'
import type { PlainAction } from './plain/action.ts'

/**
 * What a span says of an action. A hostile agent can write any of it: a claim is compared with the ledger and with
 * policy, and is never evidence of itself. `undefined` is what the span does not say.
 */
export interface Claim {
  trace: TraceRef
  /** Empty for a root span. */
  parentSpanId: string
  /**
   * Nothing on the span is ours: it was not written by a gate. `plain` holds what an instrumentation that knows
   * nothing of approvals says was done; without it the span is a tool call by the GenAI conventions.
   */
  isForeign: boolean
  plain?: readonly PlainAction[]
  /** When it says it started, milliseconds since the epoch. */
  startedAtMs: number
  kind: string | undefined
  name: string
  target: string | undefined
  agentId: string | undefined
  environment: string | undefined
  /** Anything but a plain "not run" counts as run. */
  ran: boolean
  approvalId: string | undefined
  digest: string | undefined
  ruling: string | undefined
  enforcement: string | undefined
  decision: string | undefined
  channel: string | undefined
  assurance: string | undefined
  /** `issuer#subject`, each once. */
  approverIds: string[]
  approverName: string | undefined
  outcome: string | undefined
  /** The span ended with an error. */
  failed: boolean
  /** Of the span's content: a retried export has the same, another span under the same ids has not. */
  contentDigest(): Digest
}

const EXECUTE_TOOL = 'execute_tool'
const EXECUTE_TOOL_NAME = /^execute_tool\s+(.+)$/s
/** The wait is a child of the action, and no action of its own. */
const AWAIT_APPROVAL_NAME = /^await_approval(\s|$)/
const OURS = 'holdpoint.'
/** Whatever policy says, these may make a span an action. */
export const TELLING: readonly string[] = [OURS, 'gen_ai.']
const ERROR_STATUS = 2

/** The claim of a span that a gate, or the GenAI conventions, make an action; `undefined` for every other span. */
export function claimOf(span: Span, resource: Attributes): Claim | undefined {
  if (!isAction(span)) return undefined
  const say = sayingsOf(span)
  return {
    ...commonOf(span, resource),
    isForeign: !carriesOurs(span.attributes),
    kind: say(ATTR.actionKind),
    name: say(GEN_AI.toolName) ?? EXECUTE_TOOL_NAME.exec(span.name)?.[1] ?? span.name,
    target: say(ATTR.actionTarget),
  }
}

/** The claim of a span of any other instrumentation, about what it says was done. */
export function plainClaimOf(
  span: Span,
  resource: Attributes,
  plain: readonly [PlainAction, ...PlainAction[]],
): Claim {
  const [{ kind, names, target }] = plain
  return { ...commonOf(span, resource), ...OF_NO_GATE, plain, kind, name: names[0], target }
}

/** It saw the call that was made: what stands there under our names beside it is nobody's word on that. */
const OF_NO_GATE = {
  isForeign: true,
  ran: true,
  approvalId: undefined,
  digest: undefined,
  ruling: undefined,
  enforcement: undefined,
  decision: undefined,
  channel: undefined,
  assurance: undefined,
  approverIds: [],
  approverName: undefined,
  outcome: undefined,
} satisfies Partial<Claim>

type Common = Omit<Claim, 'isForeign' | 'plain' | 'kind' | 'name' | 'target'>

function commonOf(span: Span, resource: Attributes): Common {
  const say = sayingsOf(span)
  const outcome = say(ATTR.outcome)
  let digest: Digest | undefined
  return {
    trace: { traceId: span.traceId, spanId: span.spanId },
    parentSpanId: span.parentSpanId,
    startedAtMs: Number(span.startNs / 1_000_000n),
    agentId: say(GEN_AI.agentId),
    environment: environmentOf(resource),
    ran: !(outcome === 'not_run' || (outcome === undefined && REFUSALS.has(say('error.type') ?? ''))),
    approvalId: say(ATTR.approvalId),
    digest: say(ATTR.actionDigest),
    ruling: say(ATTR.ruling),
    enforcement: say(ATTR.enforcement),
    decision: say(ATTR.decision),
    channel: say(ATTR.channel),
    assurance: say(ATTR.assurance),
    approverIds: approverIds(span.attributes),
    approverName: say(ATTR.approverName),
    outcome,
    failed: span.statusCode === ERROR_STATUS,
    contentDigest: () => (digest ??= digestBytes(JSON.stringify(contentOf(span)))),
  }
}

/** Of a registration it has 200 characters at most. A longer one would be kept with each span of the resource. */
const MAX_ENVIRONMENT_CHARS = 500

function environmentOf(resource: Attributes): string | undefined {
  const text = textOf(resource.get('deployment.environment.name') ?? resource.get('deployment.environment'))
  return text !== undefined && text.length <= MAX_ENVIRONMENT_CHARS ? text : undefined
}

const sayingsOf =
  ({ attributes }: Span) =>
  (name: string): string | undefined =>
    textOf(attributes.get(name))

const REFUSALS = new Set<string>(Object.values(ERROR_TYPE))

/** Any attribute of ours makes a span an action: nothing can wear a verdict or an approver without being judged. */
function isAction(span: Span): boolean {
  if (textOf(span.attributes.get(GEN_AI.operationName)) === EXECUTE_TOOL) return true
  if (EXECUTE_TOOL_NAME.test(span.name)) return true
  if (AWAIT_APPROVAL_NAME.test(span.name)) return false
  return carriesOurs(span.attributes)
}

const carriesOurs = (attributes: Attributes): boolean => attributes.keys().some((key) => key.startsWith(OURS))

/** Anywhere: what only the pipeline may say can stand on an event or a link as well. */
export const isTainted = (span: Span): boolean =>
  [span, ...span.events, ...span.links].some(({ attributes }) => carriesOurs(attributes))

/** `approver.id` holds one person, `approvers` all of a threshold, as a list. */
function approverIds(attributes: Attributes): string[] {
  const all = attributes.get(ATTR.approvers)
  const listed = Array.isArray(all) ? all.map(valueText) : [textOf(all)]
  const ids = [textOf(attributes.get(ATTR.approverId)), ...listed]
  return [...new Set(ids.filter((id) => id !== undefined && id !== ''))] as string[]
}

const textOf = (value: AnyValue): string | undefined => {
  const text = valueText(value)
  return text === '' ? undefined : text
}

const contentOf = (span: Span): unknown[] => [
  span.traceId,
  span.spanId,
  span.parentSpanId,
  span.traceState,
  span.name,
  span.kind,
  String(span.startNs),
  String(span.endNs),
  pairs(span.attributes),
  span.events.map((event) => [String(event.timeNs), event.name, pairs(event.attributes)]),
  span.links.map((link) => [link.traceId, link.spanId, link.traceState, pairs(link.attributes)]),
  span.statusCode,
  span.statusMessage,
]

/** The type goes in as well: the number 1 and the text "1" are stored alike, and are not the same content. */
const pairs = (attributes: Attributes): unknown[] =>
  inByteOrder(attributes.keys()).map((key) => {
    const value = attributes.get(key)
    return [key, typeof value, valueText(value)]
  })
