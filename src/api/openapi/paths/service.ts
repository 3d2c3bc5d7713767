import { type Operation, PUBLIC, problems } from '../operation.ts'

const status = (value: string) => ({
  description: value,
  content: {
    'application/json': {
      schema: { type: 'object', required: ['status'], properties: { status: { const: value } } },
    },
  },
})

export const servicePaths: Readonly<Record<string, Record<string, Operation>>> = {
  '/healthz': {
    get: {
      operationId: 'isAlive',
      summary: 'Whether the process lives',
      ...PUBLIC,
      responses: { '200': status('alive') },
    },
  },
  '/readyz': {
    get: {
      operationId: 'isReady',
      summary: 'Whether it is of use: the broker answers',
      ...PUBLIC,
      responses: { '200': status('ready'), ...problems('BROKER_UNAVAILABLE') },
    },
  },
  '/metrics': {
    get: {
      operationId: 'readMetrics',
      summary: 'Metrics of this process, for Prometheus',
      ...PUBLIC,
      responses: {
        '200': {
          description: 'Text format 0.0.4.',
          content: { 'text/plain': { schema: { type: 'string' } } },
        },
      },
    },
  },
  '/openapi.json': {
    get: {
      operationId: 'describeApi',
      summary: 'This document',
      ...PUBLIC,
      responses: {
        '200': {
          description: 'OpenAPI 3.1.',
          content: {
            'application/json': { schema: { type: 'object', required: ['openapi', 'info', 'paths'] } },
          },
        },
        '304': { description: 'Nothing has changed.' },
        ...problems('INVALID_INPUT'),
      },
    },
  },
}
