import { digestShape, literal, object, optional, parse, text } from '#contract'
import type { Desk } from '#desk'
import { bearerOf } from '../bearer.ts'
import { jsonBody } from '../body.ts'
import { type Route, refuseQuery, requestIdOf } from './route.ts'

const reviewShape = object({
  verdict: literal('approve', 'deny'),
  reason: optional(text({ max: 4000 })),
  renderHash: digestShape,
})

/** A person’s answer, which quotes the card. The broker decides whether they may. */
export const reviewRoutes = ({ desk }: { desk: Pick<Desk, 'review'> }): Route[] => [
  {
    method: 'POST',
    path: '/v1/requests/:id/reviews',
    async handle(c) {
      const token = bearerOf(c)
      refuseQuery(c)
      const requestId = requestIdOf(c)
      const { verdict, reason, renderHash } = parse(reviewShape, await jsonBody(c), 'the body')
      const answer = { requestId, verdict, renderHash, ...(reason === undefined ? {} : { reason }) }
      return c.json(await desk.review({ ...answer, channel: 'api', token }), 201)
    },
  },
]
