import type { Desk } from '#desk'
import { bearerOf } from '../bearer.ts'
import { answerTagged } from '../etag.ts'
import { listQueryShape, queryOf } from '../query.ts'
import { type Route, refuseQuery, requestIdOf } from './route.ts'

/** What waits and what was decided; and one request with its card, exactly as it was frozen. */
export const requestsRoutes = ({
  desk,
  publicUrl,
}: {
  desk: Pick<Desk, 'list' | 'show'>
  publicUrl: () => string
}): Route[] => [
  {
    method: 'GET',
    path: '/v1/requests',
    async handle(c) {
      const token = bearerOf(c)
      const page = await desk.list(token, queryOf(c, listQueryShape))
      if (page.next !== undefined)
        c.header('link', `<${pageAfter(publicUrl(), c.req.url, page.next)}>; rel="next"`)
      return c.json(page)
    },
  },
  {
    method: 'GET',
    path: '/v1/requests/:id',
    async handle(c) {
      const token = bearerOf(c)
      refuseQuery(c)
      const shown = await desk.show(token, requestIdOf(c))
      // Two people are told differently whether they may review.
      c.header('vary', 'Authorization')
      return answerTagged(c, JSON.stringify(shown), 'application/json')
    },
  },
]

/** RFC 8288, with the filters of this page. */
function pageAfter(base: string, asked: string, next: string): string {
  const query = new URL(asked).searchParams
  query.set('cursor', next)
  return `${base}/v1/requests?${query}`
}
