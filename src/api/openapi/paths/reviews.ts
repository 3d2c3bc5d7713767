import { json, type Operation, problems, refusedBody, requestIdParameter, WITH_TOKEN } from '../operation.ts'
import { ref } from '../schema.ts'

const renderHash = `sha-256:${'0a'.repeat(32)}`

export const reviewPaths: Readonly<Record<string, Record<string, Operation>>> = {
  '/v1/requests/{id}/reviews': {
    post: {
      operationId: 'reviewRequest',
      summary: 'Approve or deny, quoting the card that you were shown',
      parameters: [requestIdParameter],
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: ref('Review'),
            examples: {
              approve: { value: { verdict: 'approve', renderHash } },
              deny: { value: { verdict: 'deny', reason: 'Export one region instead.', renderHash } },
            },
          },
        },
      },
      responses: {
        '201': json('ReviewResult', 'The review counts.', { example: { state: 'approved', missing: 0 } }),
        ...problems(
          ...WITH_TOKEN,
          ...(['LEDGER_UNAVAILABLE', 'POLICY_UNAVAILABLE', 'PAYLOAD_TOO_LARGE', 'UNKNOWN_REQUEST'] as const),
          ...(['NOT_A_REVIEWER', 'SELF_APPROVAL', 'ASSURANCE_TOO_LOW', 'ERASED'] as const),
          ...(['CARD_MISMATCH', 'ALREADY_DECIDED', 'ALREADY_REVIEWED', 'APPROVAL_EXPIRED'] as const),
        ),
        ...refusedBody,
      },
    },
  },
}
