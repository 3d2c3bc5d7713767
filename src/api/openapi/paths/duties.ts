import { AGENT_ID, type ErrorCode } from '#contract'
import { json, type Operation, problems, refusedBody, requestIdParameter, WITH_TOKEN } from '../operation.ts'
import { closed, ref } from '../schema.ts'

interface Described {
  operationId: string
  summary: string
  description?: string
}

const changing = ['LEDGER_UNAVAILABLE', 'PAYLOAD_TOO_LARGE'] as const

const onRequest = (
  described: Described,
  [schema, words, example]: [schema: string, words: string, example: object],
  codes: ErrorCode[],
): { post: Operation } => ({
  post: {
    ...described,
    parameters: [requestIdParameter],
    requestBody: {
      required: false,
      content: { 'application/json': { schema: closed({ type: 'object' }) } },
    },
    responses: {
      '200': json(schema, words, { example }),
      ...problems(...WITH_TOKEN, ...changing, 'UNKNOWN_REQUEST', ...codes),
      ...refusedBody,
    },
  },
})

const agentIdParameter = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The agent’s id, as in its registration.',
  schema: { type: 'string', pattern: AGENT_ID.source },
  example: 'support-agent',
} as const

const onAgents = (described: Described, ofOne: boolean, example: object): { post: Operation } => ({
  post: {
    ...described,
    ...(ofOne ? { parameters: [agentIdParameter] } : {}),
    requestBody: {
      required: false,
      content: {
        'application/json': { schema: ref('FreezeReason'), example: { reason: 'Leaked credentials.' } },
      },
    },
    responses: {
      '200': json('FreezeResult', 'It is so.', { example }),
      ...problems(
        ...[...WITH_TOKEN, ...changing, 'POLICY_UNAVAILABLE' as const],
        ...(['NOT_PERMITTED', 'ASSURANCE_TOO_LOW', 'SELF_APPROVAL', 'NOT_FOUND'] as const),
        ...(ofOne ? (['UNKNOWN_AGENT'] as const) : []),
      ),
      ...refusedBody,
    },
  },
})

const sinceMs = 1_790_000_000_000
const frozen = { frozen: true, sinceMs, cancelled: 3, revoked: 1 }
const thawed = { frozen: false, sinceMs, cancelled: 0, revoked: 0 }
const agentId = 'support-agent'

/** What people do to requests and agents beside reviewing. */
export const dutyPaths: Readonly<Record<string, Record<string, Operation>>> = {
  '/v1/requests/{id}/cancellation': onRequest(
    {
      operationId: 'cancelRequest',
      summary: 'Take a request back: for the agent’s owner and the people for whom it acts',
    },
    ['CancellationResult', 'It is cancelled.', { state: 'cancelled' }],
    ['NOT_THE_REQUESTER', 'ALREADY_DECIDED', 'APPROVAL_EXPIRED'],
  ),
  '/v1/requests/{id}/revocation': onRequest(
    {
      operationId: 'revokeApproval',
      summary: 'Take back an approval that nobody has used: for those who could have reviewed it',
    },
    ['CancellationResult', 'It is revoked.', { state: 'revoked' }],
    [
      ...(['NOT_A_REVIEWER', 'SELF_APPROVAL', 'ASSURANCE_TOO_LOW', 'POLICY_UNAVAILABLE'] as const),
      ...(['TOO_EARLY', 'ALREADY_DECIDED', 'ALREADY_SPENT'] as const),
      ...(['APPROVAL_LAPSED', 'APPROVAL_REVOKED'] as const),
    ],
  ),
  '/v1/requests/{id}/erasure': onRequest(
    {
      operationId: 'eraseRequest',
      summary: 'Make arguments, card and reasons unreadable, for good: for those with the duty `erase`',
      description: 'The ledger keeps who decided what and when, and still verifies. Nothing undoes it.',
    },
    ['ErasureResult', 'It is erased.', { erasedAtMs: sinceMs }],
    ['NOT_PERMITTED', 'ASSURANCE_TOO_LOW', 'POLICY_UNAVAILABLE', 'TOO_EARLY'],
  ),
  '/v1/agents/{id}/freeze': onAgents(
    {
      operationId: 'freezeAgent',
      summary: 'Stop an agent at once: for those with the duty `freeze`',
      description:
        'Whatever it attempts is refused, also what policy allows; what waits is cancelled, approvals that nobody has used are revoked.',
    },
    true,
    { agentId, ...frozen },
  ),
  '/v1/agents/{id}/thaw': onAgents(
    {
      operationId: 'thawAgent',
      summary: 'Let a frozen agent act again: for another person than the one who froze it',
    },
    true,
    { agentId, ...thawed },
  ),
  '/v1/freeze': onAgents(
    { operationId: 'freezeAll', summary: 'Stop every agent at once: for those with the duty `freeze`' },
    false,
    frozen,
  ),
  '/v1/thaw': onAgents(
    {
      operationId: 'thawAll',
      summary: 'End the freeze of all: for another person than the one who began it',
    },
    false,
    thawed,
  ),
}
