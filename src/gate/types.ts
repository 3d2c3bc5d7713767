import type { Span } from '@opentelemetry/api'
import type { Action, Digest, ErrorCode, JsonValue, Principal, Runtime } from '#contract'

export interface GateConfig {
  /** One address or several, separated by commas: `nats://host:4222`. */
  natsUrl: string
  /** What is in the agent's `.creds` file. */
  credentials: string
  agentId: string
  /** `ed25519:` and the organisation's public key, base64url. Everything that is believed leads back to it. */
  pin: string
  serviceName: string
  serviceVersion?: string
  host: string
  /** How long one question to the broker may stay unanswered before the action is refused. Preset: 5 s. */
  requestTimeoutMs?: number
}

/** One call that is about to be made. All of it is the agent's word. */
export interface GateAttempt {
  kind: string
  name: string
  target?: string
  /** JSON: what cannot be made canonical (RFC 8785) is refused. */
  arguments?: unknown
  /** Instead of `arguments`: JSON text as a model wrote it. Refused where two parsers could read it differently. */
  argumentsText?: string
  /** The framework's tool-call id: a retry repeats it, another call has another. Preset: random. */
  attempt?: string
  /** The agent's own words about why. */
  statement?: string
  agentName?: string
  /** GenAI conversation id. */
  conversation?: string
  /** `user.id`: for whom the framework says it acts. It stands on the span and decides nothing. */
  user?: string
  /** Tokens of the people for whom the agent acts. */
  onBehalfOf?: string[]
  /** Token of the person who wrote the prompt, where that is somebody else. */
  promptedBy?: string
  /** Why people are to be asked although policy may allow it: a tool that is not the one it was, a name unknown. */
  doubt?: string
  /** Circumstances that the approval is bound to: digests, taken by whoever asks. */
  bindings?: Pick<Runtime, 'cwdDigest' | 'envDigest' | 'toolSchemaDigest' | 'precondition'>
  /** A registered resource that itself verifies and spends the warrant: `execute` is given what proves it there. */
  resource?: string
  /** When it fires, the hold is cancelled and the action does not run. */
  signal?: AbortSignal
  /** People are asked from now on: which request it is, and until when they may answer, by this process' clock. */
  onHeld?: (request: { requestId: string; expiresAtMs: number }) => void
  /** Names the error where the framework made a result out of it; preset: a result is a success. */
  failureIn?: (result: unknown) => string | undefined
  /** The span that the framework opened for this very call; it is annotated, and the framework ends it. */
  annotate?: Span
}

export interface Gate {
  readonly name: string
  /** Returns at once; the connection is made, and made again, in the background. */
  start(): Promise<void>
  /** Gives up what is held, reports the outcomes that are known, then disconnects. May be called twice. */
  stop(): Promise<void>
  /** Sends the outcomes that are still unsent; resolves when that is done, or after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>
  /**
   * May this action run? Resolves when policy or people have answered, and never throws.
   * A permitted action must be run, or abandoned: its approval is spent by then, and good for nothing else.
   */
  ask(attempt: GateAttempt): Promise<Answer>
  /** Asks, then runs. Throws only what `run` throws. */
  hold<T>(attempt: GateAttempt, run: Execute<T>): Promise<Held<T>>
  /**
   * For a call that cannot wait: runs at once where policy allows it without asking anybody, and refuses the rest,
   * saying so. Throws only what `run` throws.
   */
  holdSync<T>(attempt: GateAttempt, run: (approved: JsonValue) => T): Held<T>
  /** Asks and does not wait: the process may end meanwhile. Never throws. */
  request(attempt: GateAttempt): Promise<Requested>
  /**
   * Goes on with what `request` returned, here or in another process of the same agent. Waits for `waitMs`, preset: not
   * at all. Never throws. A permitted action must be run, or abandoned.
   */
  resume(approval: PendingApproval, options?: ResumeOptions): Promise<Answer | StillPending>
  /** Whether people have decided what `request` asked. Nothing is spent, and it is no permission. Never throws. */
  look(approval: PendingApproval): Promise<Looked>
  /** Takes back what `request` asked. Never throws: what the broker does not hear expires. */
  withdraw(approval: PendingApproval): Promise<void>
  /**
   * What policy says of it here and now, in microseconds: nobody is asked, nothing is recorded, and it is no permission.
   * For hooks through which everything goes, so that what is allowed need not be touched. Never throws.
   */
  foresee(attempt: GateAttempt): Foreseen
  /** Resolves once there is a policy to rule by, or none came in time. Never rejects. */
  ready(signal?: AbortSignal): Promise<void>
}

/** `observe`: it would be held or denied, and policy only observes. `unknown`: there is nothing to rule by, or a freeze. */
export type Foreseen = 'allow' | 'observe' | 'hold' | 'deny' | 'unknown'

/** `proof` is what a resource wants to see, where the attempt named one: the value of a `Holdpoint-Warrant` header. */
export type Execute<T> = (approved: JsonValue, proof?: string) => T | Promise<T>

export type Requested =
  | { status: 'pending'; approval: PendingApproval }
  /** Policy allows it without asking: `hold` will run it. */
  | { status: 'allowed' }
  | { status: 'refused'; refusal: Refusal }

/**
 * All that a process of the agent needs to go on with a request. Keep it as JSON, anywhere: it is no secret beyond the
 * arguments in it and proves nothing, for what runs is compared with the warrant by digest.
 */
export interface PendingApproval {
  v: 1
  requestId: string
  actionDigest: Digest
  salt: string
  onBehalfOf: Principal[]
  action: Action
  attempt: string
  resource?: string
  /** By the broker's clock, milliseconds since the epoch. */
  expiresAtMs: number
}

export interface ResumeOptions
  extends Pick<GateAttempt, 'signal' | 'annotate' | 'failureIn' | 'agentName' | 'conversation' | 'user'> {
  waitMs?: number
}

/** `unknown`: the broker did not answer. */
export type Looked = 'pending' | 'approved' | 'refused' | 'unknown'

export interface StillPending {
  permitted: false
  pending: PendingApproval
}

export type Answer = Permit | { permitted: false; refusal: Refusal }

export interface Permit {
  permitted: true
  /** Absent where policy allows the action without asking. */
  requestId?: string
  /** Calls `execute` with the approved arguments, once. Throws what it throws, or HoldpointError before it. */
  run<T>(execute: Execute<T>): Promise<T>
  /** The caller will not run it after all. */
  abandon(): void
}

export type Held<T> = { ran: true; value: T } | { ran: false; refusal: Refusal }

/** Why an action did not run. */
export interface Refusal {
  code: ErrorCode
  /** For people: what the policy or the reviewer said, else what the code means. */
  reason: string
  rule?: string
  requestId?: string
  /** For the model: what happened, whether to try again, what to do instead. */
  message: string
}
