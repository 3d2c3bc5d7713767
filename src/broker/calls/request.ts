import {
  type Attempt,
  HoldpointError,
  ledgerSubject,
  type RequestCall,
  type RequestedEntry,
  type Requester,
  type RequestReply,
  type Ruling,
  requestCallShape,
} from '#contract'
import { ruleOn } from '#policy'
import type { Context } from '../context.ts'
import { circumstances, distrusted, entryOf, freezePayload } from '../request-draft.ts'
import { createPayload, type RequestPayload, readPayload } from '../request-payload.ts'
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

    const draft = freezePayload({ requestId, attempt, requester, ruling, atMs: context.now() })
    const payload = await createPayload(context.payloads, requestId, draft)
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

const heldReply = ({ salt }: RequestPayload, entry: RequestedEntry): RequestReply => ({
  status: 'held',
  requestId: entry.requestId,
  salt,
  actionDigest: entry.actionDigest,
  onBehalfOf: entry.onBehalfOf,
  expiresAtMs: entry.expiresAt,
})
