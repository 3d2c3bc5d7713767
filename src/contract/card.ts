import type { Action, EnforcementPoint, Fact, NamedPrincipal, Principal } from './action.ts'
import { type Digest, digestJson } from './digest.ts'
import type { JsonValue } from './json.ts'
import type { Approvals, Risk } from './ruling.ts'

/**
 * What reviewers are shown of one request, frozen when it opens. Live status stands outside of it.
 * Everything under `action` is what will run; `statement` is the agent's own words, and never believed.
 */
export interface Card {
  v: 1
  requestId: string
  action: Pick<Action, 'kind' | 'name' | 'target'> & {
    arguments: JsonValue
    runtime: Action['runtime']
    trace: Action['trace']
  }
  /** Values that are kept from reviewers, by JSON pointer: their length and salted digest remain. */
  redacted: Redaction[]
  actionDigest: Digest
  agent: NamedPrincipal
  owner: Principal
  onBehalfOf: Principal[]
  /** True where the agent named people whose tokens did not verify. */
  onBehalfOfUnverified: boolean
  promptedBy?: Principal
  environment: string
  enforcement: EnforcementPoint
  facts: Fact[]
  statement?: string
  rule: string
  risk?: Risk
  policyVersion: number
  approvals: Approvals
  requestedAtMs: number
  expiresAtMs: number
  /**
   * Known to whoever sees the card, and to nobody once it is erased: the hash of a card that can be guessed would
   * otherwise give away for ever what stood in it.
   */
  nonce?: string
}

export interface Redaction {
  /** Of the text or value that it was found in; a name that is kept back is `[redacted]` in the path, too. */
  path: string
  length: number
  digest: Digest
  /** `detection`: it looks like a secret, and nobody has said so. Chats may not approve such a card. */
  by: 'policy' | 'detection'
}

/** What stands in place of a value that policy keeps from reviewers. */
export const REDACTED = '[redacted]'

/** A review must quote this: it proves which card the reviewer had before them. */
export const renderHash = (card: Card): Digest => digestJson(card)
