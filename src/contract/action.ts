import { type Digest, digestJson } from './digest.ts'
import type { JsonValue } from './json.ts'
import { list, literal, object, optional, type Shape, secretText, text } from './shape.ts'

/** Whoever an identity provider or the organisation vouches for. Two are the same when both members are. */
export interface Principal {
  iss: string
  sub: string
}

/** A principal with a name to show. The name decides nothing. */
export interface NamedPrincipal extends Principal {
  name: string
}

/** Ids of agents and of resources are single NATS subject tokens: the subject is what proves the requester. */
export const AGENT_ID = /^[a-z0-9][a-z0-9_-]{0,62}$/

/** One call that an agent attempts. Everything in it is the agent's word. */
export interface Action {
  /** `tool`, `mcp`, `db`, `http`, `process`, `file`, `aws`, `k8s`; open, so that more can come. */
  kind: string
  name: string
  /** Database, bucket ARN, cluster/namespace/object, URL origin. */
  target?: string
  /** Exactly what will be executed: for a process the argv array, never a joined string. */
  arguments: JsonValue
  runtime: Runtime
  trace: TraceRef
}

/** The circumstances of an action. Digests are taken by the enforcement point. */
export interface Runtime {
  serviceName: string
  serviceVersion?: string
  host: string
  cwdDigest?: string
  envDigest?: string
  toolSchemaDigest?: string
  /** State of the target that the action relies on, such as an etag. */
  precondition?: string
}

/** W3C ids, lowercase hex; all zeros where the process does not trace. */
export interface TraceRef {
  traceId: string
  spanId: string
}

/** Something known about an action that is not executed, never without its source. */
export interface Fact {
  name: string
  value: JsonValue
  source: 'broker' | 'gateway' | 'agent'
}

export interface Attempt {
  action: Action
  /** The framework's tool-call id or an idempotency key: a retry repeats it, another call has another. */
  attempt: string
  /** The agent's own words about why. Shown apart, never believed. */
  statement?: string
  facts?: Fact[]
  /** Tokens of the people for whom the agent acts; the broker verifies each. */
  onBehalfOf?: string[]
  /** Token of the person who wrote the prompt, where that is somebody else; the broker verifies it. */
  promptedBy?: string
  /** GenAI conversation id, for the trace and the card. */
  conversation?: string
  /** The registered resource that will verify and spend the warrant; without it the requester does so itself. */
  resource?: string
  /** Why people are to be asked although policy may allow it, in the requester's words. */
  doubt?: string
}

/** What the agent may not say of itself: it comes from its registration, keyed by its credentials. */
export interface Requester {
  agent: NamedPrincipal
  owner: Principal
  environment: string
  enforcement: EnforcementPoint
  /** Verified people only, outermost first (RFC 8693 `act`). */
  onBehalfOf: Principal[]
  /** Who wrote the prompt, where a token proves it. */
  promptedBy?: Principal
}

/** Where an action can really be stopped, as `kind:id`. */
export type EnforcementPoint = `${EnforcementKind}:${string}`
export type EnforcementKind = 'in-process' | 'gateway' | 'resource'

/** What of an action an approval is bound to. */
export interface BoundAction extends Pick<Action, 'kind' | 'name' | 'target' | 'arguments'> {
  runtime: Bindings
}
export type Bindings = Pick<Runtime, 'cwdDigest' | 'envDigest' | 'toolSchemaDigest' | 'precondition'>

/** What of its requester. */
export interface BoundRequester extends Pick<Requester, 'environment' | 'enforcement' | 'onBehalfOf'> {
  agent: Principal
}

/**
 * The digest that an approval is for: this action, by this requester, at this enforcement point.
 * `salt` (128 bits, base64url, drawn by the broker) keeps guessable arguments from being found by trying.
 */
export function actionDigest(action: BoundAction, requester: BoundRequester, salt: string): Digest {
  const { cwdDigest, envDigest, toolSchemaDigest, precondition } = action.runtime
  return digestJson({
    v: 1,
    salt,
    kind: action.kind,
    name: action.name,
    target: action.target,
    arguments: action.arguments,
    agent: { iss: requester.agent.iss, sub: requester.agent.sub },
    onBehalfOf: requester.onBehalfOf.map(({ iss, sub }) => ({ iss, sub })),
    environment: requester.environment,
    enforcementPoint: requester.enforcement,
    bindings: { cwd: cwdDigest, env: envDigest, toolSchema: toolSchemaDigest, precondition },
  })
}

export const samePrincipal = (one: Principal, other: Principal): boolean =>
  one.iss === other.iss && one.sub === other.sub

const anyJson: Shape<JsonValue> = (value, at, report) =>
  value === undefined ? report(at, 'a JSON value', value) : (value as JsonValue)
const digestText = text({ min: 1, max: 200 })

export const principalShape: Shape<Principal> = object({
  iss: text({ min: 1, max: 500 }),
  sub: text({ min: 1, max: 500 }),
})
export const namedPrincipalShape: Shape<NamedPrincipal> = object({
  iss: text({ min: 1, max: 500 }),
  sub: text({ min: 1, max: 500 }),
  name: text({ max: 500 }),
})

export const traceShape: Shape<TraceRef> = object({
  traceId: text({ pattern: /^[0-9a-f]{32}$/, like: '32 lowercase hex digits' }),
  spanId: text({ pattern: /^[0-9a-f]{16}$/, like: '16 lowercase hex digits' }),
})

export const actionShape: Shape<Action> = object({
  kind: text({ min: 1, max: 64, pattern: /^[a-z][a-z0-9_-]*$/ }),
  name: text({ min: 1, max: 500 }),
  target: optional(text({ min: 1, max: 2000 })),
  arguments: anyJson,
  runtime: object({
    serviceName: text({ max: 500 }),
    serviceVersion: optional(text({ max: 200 })),
    host: text({ max: 500 }),
    cwdDigest: optional(digestText),
    envDigest: optional(digestText),
    toolSchemaDigest: optional(digestText),
    precondition: optional(text({ max: 1000 })),
  }),
  trace: traceShape,
})

export const attemptShape: Shape<Attempt> = object({
  action: actionShape,
  attempt: text({ min: 1, max: 500 }),
  statement: optional(text({ max: 10_000 })),
  facts: optional(
    list(
      object({
        name: text({ min: 1, max: 200 }),
        value: anyJson,
        source: literal('broker', 'gateway', 'agent'),
      }),
      { max: 100 },
    ),
  ),
  onBehalfOf: optional(list(secretText({ min: 1, max: 16_384 }), { max: 8 })),
  promptedBy: optional(secretText({ min: 1, max: 16_384 })),
  conversation: optional(text({ min: 1, max: 500 })),
  resource: optional(text({ pattern: AGENT_ID, like: 'the name of a registered resource' })),
  doubt: optional(text({ min: 1, max: 2_000 })),
})
