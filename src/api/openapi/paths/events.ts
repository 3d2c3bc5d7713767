import { type Operation, problems, WITH_TOKEN } from '../operation.ts'

const example = [
  'event: snapshot',
  'id: snapshot.1790000000000',
  'data: {"requests":[],"total":0}',
  '',
  'event: opened',
  'id: opened.1-q5x7k2',
  'data: {"requestId":"1-q5x7k2","state":"pending"}',
  '',
  ': still here',
  '',
].join('\n')

export const eventPaths: Readonly<Record<string, Record<string, Operation>>> = {
  '/v1/events': {
    get: {
      operationId: 'watchRequests',
      summary: 'Watch what happens, as server-sent events',
      description: [
        'First `snapshot`, a RequestList of what is pending, at most 200 (with `request`: of that one alone). Then `opened`, `reviewed`, `escalated` (others may answer, too), `decided` and `ended`, each with a RequestSummary; and, without `request`, `alarm` with an Alarm: what nobody should overlook.',
        'A comment comes every 15 seconds. The stream ends with `end`, a Problem, when the token expires or is not accepted any more.',
        'A reader that is too slow is cut off. Whoever comes back, with Last-Event-ID or without, is sent a snapshot again.',
      ].join('\n\n'),
      parameters: [
        {
          name: 'request',
          in: 'query',
          description: 'Only this request.',
          schema: { type: 'string', minLength: 1, maxLength: 200 },
        },
        {
          name: 'Last-Event-ID',
          in: 'header',
          description: 'Sent by browsers that come back.',
          schema: { type: 'string' },
        },
      ],
      responses: {
        '200': {
          description: 'The stream.',
          content: { 'text/event-stream': { schema: { type: 'string' }, example } },
        },
        ...problems(...WITH_TOKEN, 'UNKNOWN_REQUEST', 'TOO_MANY'),
      },
    },
  },
}
