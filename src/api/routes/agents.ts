import type { Desk } from '#desk'
import { bearerOf } from '../bearer.ts'
import { type Route, refuseQuery } from './route.ts'

/** The agents whose registration verifies, and how their requests went. */
export const agentsRoutes = ({ desk }: { desk: Pick<Desk, 'agents'> }): Route[] => [
  {
    method: 'GET',
    path: '/v1/agents',
    async handle(c) {
      const token = bearerOf(c)
      refuseQuery(c)
      return c.json(await desk.agents(token))
    },
  },
]
