import type { ErrorCode } from '#contract'
import type { Release } from './resource-release.ts'
import type { SessionConfig } from './session.ts'
import type { GateAttempt } from './types.ts'

/** `agentId` is the name under which the resource is registered, with `--enforcement resource`. */
export type ResourceConfig = SessionConfig

/** What the resource has been asked to do, in the words by which agents ask for its approval. */
export type ResourceAction = Pick<GateAttempt, 'kind' | 'name' | 'target' | 'arguments' | 'argumentsText'>

export interface ResourceRefusal {
  code: ErrorCode
  reason: string
  /** Once the warrant is known to be genuine. */
  requestId?: string
}

export type Verified = { ok: true; release: Release } | { ok: false; refusal: ResourceRefusal }

/** A service that runs nothing without a fresh, unspent warrant for exactly what it has been asked to do. */
export interface Resource {
  /** As it is registered. */
  readonly name: string
  /** Returns at once; the connection is made, and made again, in the background. */
  start(): Promise<void>
  /** Reports the outcomes that are known, then disconnects. May be called twice. */
  stop(): Promise<void>
  /** Sends the outcomes that are still unsent; resolves when that is done, or after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>
  /**
   * `proof` is the value of the `Holdpoint-Warrant` header, `action` what was received: the header is believed for
   * none of it. Every doubt is a refusal, and every release is for one execution. Never throws.
   */
  verifyWarrant(proof: string | undefined, action: ResourceAction): Promise<Verified>
}
