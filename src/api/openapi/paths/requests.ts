import type { RequestFilter } from '#contract'
import { json, type Operation, problems, requestIdParameter, WITH_TOKEN } from '../operation.ts'
import { boolean, integer, oneOf, type Schema, string } from '../schema.ts'

const FILTERS: Readonly<Record<keyof RequestFilter | 'limit' | 'cursor', [string, Schema]>> = {
  state: [
    'Default `pending`; `decided` is everything else. Of those that are over, the newest 10,000 are listed: older ones are shown by their id, and stand in ClickHouse (`holdpoint_actions`).',
    oneOf(['pending', 'decided', 'all']),
  ],
  agent: ['The agent’s name or id.', string({ maxLength: 500 })],
  environment: ['As registered.', string({ maxLength: 500 })],
  kind: ['Of the action.', string({ maxLength: 500 })],
  risk: ['As the rule says.', oneOf(['low', 'medium', 'high', 'critical'])],
  rule: ['The rule’s id.', string({ maxLength: 500 })],
  text: ['Somewhere in id, agent, name, target or rule.', string({ maxLength: 500 })],
  reviewable: ['Only those that you could answer now.', boolean()],
  limit: ['Default 50.', integer({ minimum: 1, maximum: 200 })],
  cursor: ['`next` of the page before.', string({ maxLength: 100, pattern: '^[\\w-]+$' })],
}

export const requestPaths: Readonly<Record<string, Record<string, Operation>>> = {
  '/v1/requests': {
    get: {
      operationId: 'listRequests',
      summary: 'List requests, a page at a time',
      parameters: Object.entries(FILTERS).map(([name, [description, schema]]) => ({
        name,
        in: 'query',
        description,
        schema,
      })),
      responses: {
        '200': {
          ...json('RequestList', 'A page.'),
          headers: {
            Link: { description: 'The next page, `rel="next"` (RFC 8288).', schema: { type: 'string' } },
          },
        },
        ...problems(...WITH_TOKEN),
      },
    },
  },
  '/v1/requests/{id}': {
    get: {
      operationId: 'showRequest',
      summary: 'Show a request: the card as it was frozen, its hash, its timeline',
      description:
        'Values are raw. What canonicalizes (RFC 8785) and hashes to `renderHash` is the card as it is here.',
      parameters: [
        requestIdParameter,
        { name: 'If-None-Match', in: 'header', description: 'An ETag.', schema: { type: 'string' } },
      ],
      responses: {
        '200': {
          ...json('Request', 'The request.'),
          headers: { ETag: { description: 'Of these very bytes.', schema: { type: 'string' } } },
        },
        '304': { description: 'Nothing has changed.' },
        ...problems(...WITH_TOKEN, 'UNKNOWN_REQUEST', 'CARD_MISMATCH', 'ERASED'),
      },
    },
  },
}
