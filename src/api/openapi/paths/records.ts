import { json, type Operation, PUBLIC, problems, refusedBody, WITH_TOKEN } from '../operation.ts'
import { ref } from '../schema.ts'

const unchanged = { description: 'Nothing has changed.' }

const read = (operationId: string, summary: string, schema: string): { get: Operation } => ({
  get: {
    operationId,
    summary,
    responses: { '200': json(schema, summary), ...problems(...WITH_TOKEN, 'POLICY_UNAVAILABLE') },
  },
})

export const recordPaths: Readonly<Record<string, Record<string, Operation>>> = {
  '/v1/policy': read('showPolicy', 'The policy in force', 'Policy'),
  '/v1/policy/explain': {
    post: {
      operationId: 'explainRuling',
      summary: 'How the policy in force rules, rule by rule',
      description: 'A POST because its question is a body. It changes nothing.',
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: ref('ExplainQuestion'),
            examples: {
              request: { value: { requestId: '1-q5x7k2' } },
              action: { value: { action: { kind: 'tool', name: 'export_customers' }, environment: 'prod' } },
            },
          },
        },
      },
      responses: {
        '200': json('Explanation', 'The ruling, and the rules that were looked at.'),
        ...problems(
          ...WITH_TOKEN,
          'UNKNOWN_REQUEST',
          'UNKNOWN_AGENT',
          'PAYLOAD_TOO_LARGE',
          'POLICY_UNAVAILABLE',
        ),
        ...refusedBody,
      },
    },
  },
  '/v1/agents': read('listAgents', 'Registered agents, and how their requests went', 'AgentList'),
  '/v1/ledger': read('showLedger', 'How far the ledger has got, and its newest checkpoint', 'Ledger'),
  '/v1/keys': {
    get: {
      operationId: 'showKeys',
      summary: 'The signed key set and its keys',
      ...PUBLIC,
      responses: {
        '200': json('Keys', 'The keys.'),
        '304': unchanged,
        ...problems('INVALID_INPUT', 'BROKER_UNAVAILABLE'),
      },
    },
  },
  '/.well-known/jwks.json': {
    get: {
      operationId: 'showJwks',
      summary: 'The keys that sign warrants, for any JOSE library',
      description:
        'Trust in them is trust in this connection; `/v1/keys` has the set that leads back to your pin.',
      ...PUBLIC,
      responses: {
        '200': json('JwkSet', 'The keys.', {}, 'application/jwk-set+json'),
        '304': unchanged,
        ...problems('INVALID_INPUT', 'BROKER_UNAVAILABLE'),
      },
    },
  },
}
