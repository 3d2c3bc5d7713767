import type { WebhookAlarm, WebhookAnswer, WebhookMessage } from '#contract'
import { json, type Operation, PUBLIC, problems, refusedBody } from './operation.ts'
import { closed, list, oneOf, ref, type Schema, schemaOf, string } from './schema.ts'

const SIGNED = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => ({
  name,
  in: 'header',
  required: true,
  description: 'Standard Webhooks.',
  schema: { type: 'string' },
}))

export const webhookSchemas: Readonly<Record<string, Schema>> = {
  WebhookMessage: schemaOf<WebhookMessage>()({
    type: oneOf(['request.opened', 'request.escalated', 'request.decided', 'request.ended']),
    timestamp: string({ format: 'date-time', description: 'When it happened.' }),
    data: schemaOf<WebhookMessage['data']>()(
      {
        request: ref('RequestSummary'),
        card: ref('Card'),
        model: ref('CardModel'),
        renderHash: ref('Digest'),
        timeline: list(ref('TimelineEntry')),
        url: string({ format: 'uri', description: 'The request’s page in the console.' }),
      },
      {
        answerUrl: string({
          format: 'uri',
          description: 'Where a signed answer goes, where one may be given.',
        }),
      },
    ),
  }),
  WebhookAlarm: schemaOf<WebhookAlarm>()({
    type: { const: 'alarm' },
    timestamp: string({ format: 'date-time', description: 'When it happened.' }),
    data: ref('Alarm'),
  }),
  WebhookAnswer: closed(
    schemaOf<WebhookAnswer>('With a person’s token it is their review; without, it counts as `chat`.')(
      {
        requestId: string({ minLength: 1, maxLength: 200 }),
        verdict: oneOf(['approve', 'deny']),
        renderHash: ref('Digest'),
      },
      {
        reason: string({ maxLength: 4000 }),
        reviewer: ref('NamedPrincipal'),
        token: string({ maxLength: 16_384 }),
      },
    ),
  ),
}

const delivery = (type: string, summary: string, schema = 'WebhookMessage'): { post: Operation } => ({
  post: {
    operationId: type.replace(/\.(.)/, (_, letter: string) => letter.toUpperCase()),
    summary,
    ...PUBLIC,
    parameters: SIGNED,
    requestBody: { required: true, content: { 'application/json': { schema: ref(schema) } } },
    responses: { '2XX': { description: 'Received. Anything else is tried again.' } },
  },
})

/** What we send to others. */
export const webhooks = {
  'request.opened': delivery('request.opened', 'A request waits for people'),
  'request.escalated': delivery(
    'request.escalated',
    'Others may answer as well; where an endpoint asks for it',
  ),
  'request.decided': delivery(
    'request.decided',
    'It was approved, denied, cancelled, or nobody decided in time',
  ),
  'request.ended': delivery('request.ended', 'What became of the approval'),
  alarm: delivery('alarm', 'What nobody should overlook; where an endpoint asks for it', 'WebhookAlarm'),
}

/** What they answer. */
export const webhookPaths: Readonly<Record<string, Record<string, Operation>>> = {
  '/v1/webhooks/{name}/reviews': {
    post: {
      operationId: 'answerWebhook',
      summary: 'A receiver’s answer, signed with its endpoint’s secret',
      ...PUBLIC,
      parameters: [
        {
          name: 'name',
          in: 'path',
          required: true,
          description: 'The endpoint’s name in the configuration.',
          schema: { type: 'string', pattern: '^[a-z][a-z0-9-]*$', maxLength: 40 },
        },
        ...SIGNED,
      ],
      requestBody: { required: true, content: { 'application/json': { schema: ref('WebhookAnswer') } } },
      responses: {
        '201': json('ReviewResult', 'The review counts.'),
        ...problems(
          ...([
            'INVALID_INPUT',
            'PAYLOAD_TOO_LARGE',
            'BAD_SIGNATURE',
            'UNAUTHENTICATED',
            'NOT_FOUND',
          ] as const),
          ...([
            'UNKNOWN_REQUEST',
            'NOT_A_REVIEWER',
            'SELF_APPROVAL',
            'ASSURANCE_TOO_LOW',
            'CARD_MISMATCH',
          ] as const),
          ...(['ALREADY_DECIDED', 'ALREADY_REVIEWED', 'APPROVAL_EXPIRED', 'BROKER_UNAVAILABLE'] as const),
          ...(['OPEN_FULL_PAGE', 'ERASED'] as const),
        ),
        ...refusedBody,
      },
    },
  },
}
