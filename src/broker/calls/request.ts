import { randomBytes } from 'node:crypto'
import {
  type Attempt,
  actionDigest,
  type Card,
  canonicalize,
  HoldpointError,
  type JsonValue,
  ledgerSubject,
  type RequestCall,
  type RequestedEntry,
  type Requester,
  type RequestReply,
  type Ruling,
  renderHash,
  requestCallShape,
} from '#contract'
import { ruleOn } from '#policy'
import { freezeCard } from '../card.ts'
import type { Context } from '../context.ts'
import { type RequestPayload, readPayload } from '../request-payload.ts'
import { requesterOf, requestIdOf } from '../requester.ts'
import type { AgentHandler } from './handler.ts'

/** A held action becomes a request. The broker rules anew: its ruling is the one that counts. */
export const request: AgentHandler<RequestCall, RequestReply> = {
  shape: requestCallShape,
  async handle(agentId, { process, attempt }, context) {
    context.leases.heard(agentId, process)
    const requestId = requestIdOf(context.config, agentId, attempt)
    // The same attempt again attaches to its request, whatever has become of it since.
    const known = context.requests.get(requestId)
    if (known) return heldReply(await readPayload(context.payloads, requestId), known.requested)

    const requester = await requesterOf(context, agentId, attempt)
    const ruling = rule(context, attempt, requester)
    if (ruling.effect === 'deny')
      return {
        status: 'denied',
        code: 'POLICY_DENIED',
        reason: ruling.reason ?? 'Policy denies this action.',
        rule: ruling.rule,
      }
    if (ruling.effect === 'allow')
      throw new HoldpointError(
        'STALE',
        `rule ${ruling.rule} of policy ${ruling.policyVersion} allows this: fetch that policy and rule again`,
      )

    const draft = freezePayload(context, requestId, attempt, requester, ruling)
    const payload = (await context.payloads.create(
      requestId,
      'request',
      draft as unknown as JsonValue,
    )) as unknown as RequestPayload
    if (circumstances(payload.card) !== circumstances(draft.card))
      throw new HoldpointError('STALE', 'this attempt was begun under other circumstances: make another one')
    const entry = entryOf(payload, requester, process, ruling)
    const committed = await context.ledger.commit(
      ledgerSubject.requested(context.config.epoch, requestId),
      entry,
    )
    context.requests.apply(committed.entry, committed.position)
    const opened = context.requests.get(requestId)
    if (opened && committed.won) context.notify.desk('opened', opened)
    return heldReply(payload, committed.entry)
  },
}

function rule({ documents }: Context, { action, facts }: Attempt, requester: Requester): Ruling {
  const { environment, agent, onBehalfOf } = requester
  const question = { action, environment, agent, onBehalfOf, ...(facts ? { facts: distrusted(facts) } : {}) }
  return ruleOn(documents.policy().compiled, question)
}

/** Whatever source a fact names: who sent it is an agent. */
const distrusted = (facts: NonNullable<Attempt['facts']>) =>
  facts.map((fact) => ({ ...fact, source: 'agent' as const }))

function freezePayload(
  { now }: Context,
  requestId: string,
  attempt: Attempt,
  requester: Requester,
  ruling: Ruling,
): RequestPayload {
  const atMs = now()
  const salt = randomBytes(16).toString('base64url')
  const { action, statement, facts = [], onBehalfOf = [] } = attempt
  const card = freezeCard(
    {
      requestId,
      action,
      actionDigest: actionDigest(action, requester, salt),
      ...requester,
      onBehalfOfUnverified: requester.onBehalfOf.length < onBehalfOf.length,
      facts: distrusted(facts),
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
const circumstances = ({ agent, owner, onBehalfOf, environment, enforcement, ...card }: Card): string =>
  canonicalize([
    { agent, owner, onBehalfOf, environment, enforcement },
    [card.rule, card.risk ?? null, card.policyVersion, card.approvals],
  ])

/** From the payload that counts, which may be that of a replica that was first. */
function entryOf(
  { action, card }: RequestPayload,
  requester: Requester,
  process: string,
  ruling: Ruling,
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
    process,
    trace: action.trace,
    ruling: { effect, rule, policyVersion, policyHash, ...(risk === undefined ? {} : { risk }) },
    approvals: ruling.approvals,
    expiresAt: card.expiresAtMs,
    validForMs: ruling.validForMs,
    renderHash: renderHash(card),
  }
}

const heldReply = ({ salt }: RequestPayload, entry: RequestedEntry): RequestReply => ({
  status: 'held',
  requestId: entry.requestId,
  salt,
  actionDigest: entry.actionDigest,
  onBehalfOf: entry.onBehalfOf,
  expiresAtMs: entry.expiresAt,
})
