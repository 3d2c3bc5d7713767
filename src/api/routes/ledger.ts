import type { Desk } from '#desk'
import { bearerOf } from '../bearer.ts'
import { type Route, refuseQuery } from './route.ts'

/** How far the ledger has got, and the checkpoint that anybody can check it by. */
export const ledgerRoutes = ({ desk }: { desk: Pick<Desk, 'ledger'> }): Route[] => [
  {
    method: 'GET',
    path: '/v1/ledger',
    async handle(c) {
      const token = bearerOf(c)
      refuseQuery(c)
      return c.json(await desk.ledger(token))
    },
  },
]
