import { randomBytes } from 'node:crypto'
import {
  type Attempt,
  actionDigest,
  type Card,
  canonicalize,
  type Fact,
  type RequestedEntry,
  type Requester,
  type Ruling,
  renderHash,
} from '#contract'
import { freezeCard } from './card.ts'
import type { RequestPayload } from './request-payload.ts'
import type { KnownRequester } from './requester.ts'

export interface Opening extends KnownRequester {
  requestId: string
  attempt: Attempt
  /** Each with the source that is believed to be its own. */
  facts: Fact[]
  ruling: Ruling
  atMs: number
}

/** Everything that reviewers will be shown, and what the digest was taken of: from here on it is frozen. */
export function freezePayload({
  requestId,
  attempt,
  requester,
  isUnverified,
  facts,
  ruling,
  atMs,
}: Opening): RequestPayload {
  const salt = randomBytes(16).toString('base64url')
  const { action, statement } = attempt
  const card = freezeCard(
    {
      requestId,
      action,
      actionDigest: actionDigest(action, requester, salt),
      ...requester,
      onBehalfOfUnverified: isUnverified,
      facts,
      ...(statement === undefined ? {} : { statement }),
      rule: ruling.rule,
      ...(ruling.risk === undefined ? {} : { risk: ruling.risk }),
      policyVersion: ruling.policyVersion,
      approvals: ruling.approvals,
      requestedAtMs: atMs,
      expiresAtMs: atMs + ruling.timeoutMs,
    },
    ruling.redact,
    salt,
  )
  return { salt, action, card }
}

/**
 * What the ledger will say beside the card. A broker that died may have left a card from before a change of policy
 * or of the registration: reviewers would be shown one thing, and release another.
 */
export function circumstances(card: Card): string {
  const { agent, owner, onBehalfOf, promptedBy, environment, enforcement } = card
  const { rule, risk, policyVersion, approvals } = card
  return canonicalize({
    agent,
    owner,
    onBehalfOf,
    promptedBy,
    environment,
    enforcement,
    rule,
    risk,
    policyVersion,
    approvals,
  })
}

/** From the payload that counts, which may be that of a replica that was first. */
export function entryOf(
  { action, card }: RequestPayload,
  requester: Requester,
  process: string | undefined,
  ruling: Ruling,
  repeatKey: string,
): RequestedEntry {
  const { effect, rule, policyVersion, policyHash, risk } = ruling
  return {
    type: 'requested',
    at: card.requestedAtMs,
    requestId: card.requestId,
    actionDigest: card.actionDigest,
    ...requester,
    kind: action.kind,
    name: action.name,
    ...(action.target === undefined ? {} : { target: action.target }),
    ...(action.runtime.precondition === undefined ? {} : { precondition: action.runtime.precondition }),
    ...(process === undefined ? {} : { process }),
    trace: action.trace,
    ruling: { effect, rule, policyVersion, policyHash, ...(risk === undefined ? {} : { risk }) },
    approvals: ruling.approvals,
    expiresAt: card.expiresAtMs,
    validForMs: ruling.validForMs,
    renderHash: renderHash(card),
    repeatKey,
    rememberDenialMs: ruling.rememberDenialMs,
  }
}
