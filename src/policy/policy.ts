import type { Approvals, Effect, Path, Risk } from '#contract'
import type { Duties } from './duties.ts'

/** A policy as its author wrote it: checked, with every default filled in. All durations in milliseconds. */
export interface Policy {
  /** Name for messages; nothing is read from it. */
  file: string
  mode: Modes
  defaults: Defaults
  /** Name of the group → specifiers: `oidc:<issuer>#group/<name>` or `oidc:<issuer>#sub/<subject>`. */
  groups: Record<string, string[]>
  rules: Rule[]
  duties: Duties
  quotas: Quotas
  /** Where a member stands in the source; of the nearest one above it where it is absent. */
  place(path: Path): Place
}

/** Both count from 1. */
export interface Place {
  line: number
  column: number
}

export type Mode = 'enforce' | 'observe'

export interface Modes {
  default: Mode
  byEnvironment: Map<string, Mode>
}

export interface Defaults extends Terms {
  effect: Effect
  /** By kind of action, before `effect`. */
  kinds: Map<string, Effect>
}

/** On what terms a held action may be released. */
export interface Terms {
  approvals: Approvals
  timeoutMs: number
  validForMs: number
  /** For how long a denial answers the same action again. */
  rememberDenialMs: number
}

/** What one agent may ask of people. Beyond it, it is refused at the source. */
export interface Quotas {
  /** Requests that wait at the same time. */
  pending: number
  /** Requests in any minute. */
  perMinute: number
  /** Denials in any hour; then it is refused until one of them is an hour old. */
  denialsPerHour: number
}

export interface Rule extends Terms {
  id: string
  match: Match
  /** CEL. */
  when?: string
  effect: Effect
  risk?: Risk
  reason?: string
  redact: string[]
}

/** Every member that is given must match; a member matches when one of its patterns does. */
export type Match = { [D in Dimension]?: string[] }

/** `agent` is the agent's id (`sub`): its name decides nothing. */
export const DIMENSIONS = ['kind', 'name', 'target', 'environment', 'agent'] as const
export type Dimension = (typeof DIMENSIONS)[number]

/** The `rule` of a ruling that no rule made. No rule may take it for its id. */
export const DEFAULTS = 'defaults'

/** The kind of action that no rule rules: a change of the policy itself. */
export const RESERVED_KIND = 'holdpoint'
/** The `rule` of the ruling on it. No rule may take it for its id either. */
export const POLICY_CHANGE = 'policy-change'

export const modeIn = (modes: Modes, environment: string): Mode =>
  modes.byEnvironment.get(environment) ?? modes.default

/** Whether anything runs unheld somewhere because of `observe`. */
export const observesAnywhere = ({ mode }: { mode: Modes }): boolean =>
  mode.default === 'observe' || [...mode.byEnvironment.values()].includes('observe')
