import { AGENT_ID, type NamedPrincipal, namedPrincipalShape } from './action.ts'
import type { PersonCancelReply } from './desk-messages.ts'
import { boolean, integer, object, optional, type Shape, secretText, text } from './shape.ts'

/** What people ask of the broker beside reviewing, and what it tells everybody. */
const token = secretText({ min: 1, max: 16_384 })
const requestId = text({ min: 1, max: 200 })

/** By anybody who could have reviewed it: an approval that nobody has used yet is taken back. */
export interface RevokeCall {
  token: string
  requestId: string
  channel: string
}
export type RevokeReply = PersonCancelReply
export const revokeCallShape: Shape<RevokeCall> = object({
  token,
  requestId,
  channel: text({ min: 1, max: 64 }),
})

/** By those whom policy gives the duty `erase`: arguments, card and reasons become unreadable, for good. */
export interface EraseCall {
  token: string
  requestId: string
  channel: string
}
export interface EraseReply {
  erasedAtMs: number
}
export const eraseCallShape: Shape<EraseCall> = object({
  token,
  requestId,
  channel: text({ min: 1, max: 64 }),
})

/** By those whom policy gives the duty `freeze`. Thawing is for another person than the one who froze. */
export interface FreezeCall {
  token: string
  /** Absent: every agent. */
  agentId?: string
  frozen: boolean
  reason?: string
  channel: string
}
export interface FreezeReply {
  agentId?: string
  frozen: boolean
  sinceMs: number
  /** What the freeze ended: requests that waited, and approvals that nobody had used. */
  cancelled: number
  revoked: number
}
export const freezeCallShape: Shape<FreezeCall> = object({
  token,
  agentId: optional(text({ pattern: AGENT_ID, like: 'the id of an agent' })),
  frozen: boolean,
  reason: optional(text({ min: 1, max: 1000 })),
  channel: text({ min: 1, max: 64 }),
})

/** What nobody should overlook. `kind` is open, so that more can come: `frozen`, `thawed`, `drift`, `quota`. */
export interface Alarm {
  kind: string
  atMs: number
  /** One sentence for people. */
  text: string
  agentId?: string
  by?: NamedPrincipal
}

export const alarmShape: Shape<Alarm> = object({
  kind: text({ min: 1, max: 64 }),
  atMs: integer(),
  text: text({ max: 2000 }),
  agentId: optional(text({ max: 200 })),
  by: optional(namedPrincipalShape),
})
