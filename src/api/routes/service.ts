import { HoldpointError, type TrustReply } from '#contract'
import { EXPOSITION_TYPE } from '#runtime'
import { answerTagged } from '../etag.ts'
import type { ApiDocument } from '../openapi/document.ts'
import { type Route, refuseQuery } from './route.ts'

/** For whoever runs it, and for the tools of whoever uses it. Open to everybody: there is nothing of anybody's in it. */
export const createServiceRoutes = (deps: {
  trust: () => Promise<TrustReply>
  exposition: () => Promise<string>
  document: () => ApiDocument
}): Route[] => [
  {
    method: 'GET',
    path: '/healthz',
    handle: (c) => c.json({ status: 'alive' }),
  },
  {
    method: 'GET',
    path: '/readyz',
    async handle(c) {
      await deps.trust().catch((cause: unknown) => {
        const code = cause instanceof HoldpointError ? cause.code : 'INTERNAL'
        throw new HoldpointError('BROKER_UNAVAILABLE', `not ready: the broker gives no keys (${code})`, {
          cause,
        })
      })
      return c.json({ status: 'ready' })
    },
  },
  {
    method: 'GET',
    path: '/metrics',
    produces: ['text/plain'],
    handle: async (c) => c.body(await deps.exposition(), 200, { 'content-type': EXPOSITION_TYPE }),
  },
  {
    method: 'GET',
    path: '/openapi.json',
    handle(c) {
      refuseQuery(c)
      c.header('cache-control', 'public, max-age=300')
      return answerTagged(c, JSON.stringify(deps.document()), 'application/json')
    },
  },
]
