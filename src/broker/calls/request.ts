import { randomBytes } from 'node:crypto'
import {
  type Attempt,
  actionDigest,
  epochOf,
  type Fact,
  HoldpointError,
  ledgerSubject,
  type RequestCall,
  type RequestedEntry,
  type Requester,
  type RequestReply,
  type Ruling,
  requestCallShape,
  withDoubt,
} from '#contract'
import { RESERVED_KIND, ruleOn } from '#policy'
import { frozenDenial, policyDenial, rememberedDenial, takeFromQuota, tooMany } from '../arrows/refusals.ts'
import type { Context } from '../context.ts'
import { checkPolicyChange, POLICY_AGENT } from '../documents/policy-change.ts'
import { brokerFacts, sentFacts } from '../request/facts.ts'
import { refuseLastingSecrets } from '../request/lasting.ts'
import { circumstances, entryOf, freezePayload, type Opening } from '../request/request-draft.ts'
import { createPayload, payloadOf, type RequestPayload, refuseErased } from '../request/request-payload.ts'
import { attemptKeyOf, repeatKeyOf, requesterOf } from '../request/requester.ts'
import type { Request } from '../state/requests.ts'
import type { AgentHandler } from './handler.ts'
import { knownAttempt } from './own.ts'

/** A held action becomes a request. The broker rules anew: its ruling is the one that counts. */
export const request: AgentHandler<RequestCall, RequestReply> = {
  shape: requestCallShape,
  async handle(agentId, { process, attempt }, context) {
    if (process !== undefined) context.leases.heard(agentId, process)
    const frozen = frozenDenial(context, agentId)
    if (frozen) return frozen
    const key = attemptKeyOf(context.config.secret, agentId, attempt)
    // The same attempt again attaches to its request, whatever has become of it since, and in whichever epoch.
    for (const epoch of context.openEpochs()) {
      const known = await attemptIn(epoch, `${epoch}-${key}`, context)
      if (known) return attachedTo(known, context)
    }
    const requestId = `${context.epoch()}-${key}`

    const quota = takeFromQuota(context, agentId)
    if (!quota.ok) return tooMany(quota)
    try {
      return await rule({ agentId, process, attempt, requestId }, context)
    } finally {
      quota.settled()
    }
  },
}

/**
 * In the epoch that takes new requests the ledger itself refuses a second one. Nothing does so across two: there the
 * ledger is asked, for another replica may have opened it a moment ago.
 */
const attemptIn = (epoch: number, requestId: string, context: Context): Promise<Request | undefined> =>
  epoch === context.epoch()
    ? knownAttempt(context, requestId)
    : Promise.resolve(context.requests.get(requestId) ?? context.past.read(requestId))

async function attachedTo(known: Request, context: Context): Promise<RequestReply> {
  return heldReply(await payloadOf(context, known), known.requested)
}

interface Asked {
  agentId: string
  /** Nobody waits where there is none. */
  process: string | undefined
  attempt: Attempt
  requestId: string
}

async function rule(asked: Asked, context: Context): Promise<RequestReply> {
  const { agentId, attempt } = asked
  const { requester, isUnverified } = await requesterOf(context, agentId, attempt)
  // Frozen while tokens were verified, which may take seconds.
  const frozen = frozenDenial(context, agentId)
  if (frozen) return frozen
  checkReserved(context, attempt, requester)
  const facts = [...brokerFacts(context, agentId, attempt.action), ...sentFacts(attempt, requester)]
  const ruling = rulingOn(context, attempt, requester, facts)
  if (ruling.effect === 'deny') return policyDenial(ruling)
  if (ruling.effect === 'allow') return allowed(context, attempt, requester, ruling)
  refuseLastingSecrets(attempt.action)
  const repeatKey = repeatKeyOf(context.config.secret, requester, attempt.action)
  const denied = await rememberedDenial(context, repeatKey, ruling)
  if (denied) return denied
  return open({ ...asked, requester, isUnverified, facts, ruling, atMs: context.now(), repeatKey }, context)
}

/** What changes Holdpoint itself is asked for by one agent of its own, which asks for nothing else. */
function checkReserved({ documents, config }: Context, { action }: Attempt, requester: Requester): void {
  if (action.kind !== RESERVED_KIND && requester.agent.sub !== POLICY_AGENT) return
  const { version, document } = documents.policy()
  const inForce = { version, source: document.source, origin: config.origin }
  checkPolicyChange(action, requester, inForce, documents.people())
}

function rulingOn(
  { documents }: Context,
  { action, doubt }: Attempt,
  requester: Requester,
  facts: Fact[],
): Ruling {
  const { environment, agent, onBehalfOf } = requester
  const ruling = ruleOn(documents.policy().compiled, { action, environment, agent, onBehalfOf, facts })
  return doubt === undefined ? ruling : withDoubt(ruling)
}

/** The gate would have held it: it knows neither who is acted for nor our facts. Our signed word is good for both. */
function allowed(
  { mint, now }: Context,
  { action, attempt }: Attempt,
  requester: Requester,
  { rule, policyVersion }: Ruling,
): RequestReply {
  const salt = randomBytes(16).toString('base64url')
  const permit = mint.allowed(
    {
      aud: requester.enforcement,
      attempt,
      action_digest: actionDigest(action, requester, salt),
      rule,
      policy_version: policyVersion,
    },
    now(),
  )
  return { status: 'allowed', rule, salt, onBehalfOf: requester.onBehalfOf, permit }
}

async function open(
  opening: Opening & Asked & { repeatKey: string },
  context: Context,
): Promise<RequestReply> {
  const { requestId, requester, process, ruling, repeatKey } = opening
  const draft = freezePayload(opening)
  const payload = await createPayload(context.payloads, requestId, draft)
  if (circumstances(payload.card) !== circumstances(draft.card))
    throw new HoldpointError('STALE', 'this attempt was begun under other circumstances: make another one')
  const entry = entryOf(payload, requester, process, ruling, repeatKey)
  const subject = ledgerSubject.requested(epochOf(requestId), requestId)
  const committed = await context.ledger.commit(subject, entry)
  if (!committed.won) await leaveErased(context, requestId)
  // One that has ended and left memory is not to be taken for one that waits.
  if (committed.won || !context.requests.haveLeft())
    context.requests.apply(committed.entry, committed.position)
  const opened = context.requests.get(requestId)
  if (opened && committed.won) context.notify.desk('opened', opened)
  return heldReply(payload, committed.entry)
}

/** We had not heard of it, and may have sealed anew what was erased: that stays so. Throws ERASED. */
async function leaveErased({ past, payloads }: Context, requestId: string): Promise<void> {
  const known = await past.read(requestId)
  if (!known?.erased) return
  await payloads.erase(requestId)
  refuseErased(known)
}

const heldReply = ({ salt }: RequestPayload, entry: RequestedEntry): RequestReply => ({
  status: 'held',
  requestId: entry.requestId,
  salt,
  actionDigest: entry.actionDigest,
  onBehalfOf: entry.onBehalfOf,
  expiresAtMs: entry.expiresAt,
})
