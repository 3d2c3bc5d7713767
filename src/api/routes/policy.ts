import { type ExplainCall, explainCallShape, HoldpointError, type JsonValue, parse } from '#contract'
import type { Desk } from '#desk'
import { bearerOf } from '../bearer.ts'
import { jsonBody } from '../body.ts'
import { type Route, refuseQuery } from './route.ts'

/** The policy in force, and how it rules. Explaining is a POST because of its body; it changes nothing. */
export const policyRoutes = ({ desk }: { desk: Pick<Desk, 'policy' | 'explain'> }): Route[] => [
  {
    method: 'GET',
    path: '/v1/policy',
    async handle(c) {
      const token = bearerOf(c)
      refuseQuery(c)
      return c.json(await desk.policy(token))
    },
  },
  {
    method: 'POST',
    path: '/v1/policy/explain',
    async handle(c) {
      const token = bearerOf(c)
      refuseQuery(c)
      return c.json(await desk.explain(token, questionOf(await jsonBody(c), token)))
    },
  },
]

/** The broker's own call, of which the header brings the token and the body the rest. */
function questionOf(body: JsonValue, token: string): Omit<ExplainCall, 'token'> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new HoldpointError('INVALID_INPUT', 'the body: expected a mapping')
  if (Object.hasOwn(body, 'token'))
    throw new HoldpointError(
      'INVALID_INPUT',
      'the body: token is not shown, expected it in the header Authorization',
    )
  const { token: _, ...question } = parse(explainCallShape, { ...body, token }, 'the body')
  return question
}
