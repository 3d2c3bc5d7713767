import { DEVELOPMENT_ISSUER } from '#identity'
import { guardIn } from './attack.ts'

const NEVER = 'if (false as boolean)'
const inReview = guardIn('src/policy/review.ts')
const inConsume = guardIn('src/broker/calls/consume.ts')

export const own = guardIn('src/broker/calls/own.ts')(
  'own-request',
  'An agent that uses another agent’s approval.',
  'if (found?.requested.agent.sub === agentId) return found',
  'if (found) return found',
)
export const spender = guardIn('src/broker/calls/own.ts')(
  'spender-only',
  'An approval that somebody spends whose it is not.',
  'if (found && spenderOf(found) === callerId) return found',
  'if (found) return found',
)
export const ownWork = inReview(
  'own-work',
  'Whoever’s work it is releases it.',
  'if (isParty(people, reviewer, request))',
  NEVER,
)
export const group = inReview(
  'reviewers-only',
  'Anybody who can sign in reviews.',
  'if (groups.length === 0)',
  NEVER,
)
export const noService = inReview(
  'no-service-accounts',
  'A bot reviews.',
  'if (reviewer.service !== false || people.isService(reviewer))',
  NEVER,
)
export const assurance = inReview(
  'assurance',
  'A weaker sign-in than the rule asks for.',
  'if (!atLeast(reviewer.assurance, approvals.assurance))',
  NEVER,
)
const inChat = guardIn('src/broker/calls/channel.ts')
export const chatIsChat = inChat(
  'chat-is-chat',
  'A channel’s word, taken for a sign-in.',
  "assurance: 'chat',",
  "assurance: 'login',",
)
export const chatGroups = inChat(
  'chat-has-no-groups',
  'A channel that puts anybody into any group.',
  'groups: [subjectSpecifier(iss, sub)],',
  `groups: [subjectSpecifier(iss, sub), 'oidc:${DEVELOPMENT_ISSUER}#group/sre'],`,
)
export const card = guardIn('src/broker/calls/review.ts')(
  'card-shown',
  'A review of another card than the one that counts.',
  'if (answer.renderHash !== request.requested.renderHash) throw',
  `${NEVER} throw`,
)
export const sameAction = inConsume(
  'consume-same-action',
  'An approval used for another action.',
  'if (actionDigest !== request.requested.actionDigest)',
  NEVER,
)
export const approvedOnly = inConsume(
  'consume-approved-only',
  'What was denied, or not decided, is consumed.',
  "if (request.decided?.decision !== 'approved')",
  NEVER,
)
export const nonce = inConsume(
  'consume-nonce',
  'A second caller gets the answer of the first.',
  'entry.nonce !== nonce ||',
)
export const span = inConsume(
  'consume-span',
  'One consumption stands behind two executions.',
  'entry.trace?.spanId !== trace.spanId ||',
)
export const outcomeNonce = guardIn('src/broker/calls/outcome.ts')(
  'outcome-nonce',
  'Somebody else says what became of an action.',
  'if (request.spent.nonce !== call.nonce)',
  NEVER,
)
export const ownInbox = guardIn('src/broker/serving.ts')(
  'reply-in-own-inbox',
  'A caller has the broker write where it may not: into the ledger.',
  '!reply?.startsWith(',
  '!reply?.concat(',
)
export const ownIds = guardIn('src/broker/request/requester.ts')(
  'request-ids-by-agent',
  'An agent that attaches to another agent’s request by repeating its attempt.',
  '.update(canonicalize([agentId, attempt, action]))',
  '.update(canonicalize([attempt, action]))',
)
export const facts = guardIn('src/broker/request/facts.ts')(
  'facts-are-testimony',
  'An agent that names the broker as the source of its facts.',
  '({ ...fact, source })',
  '({ ...fact })',
)
