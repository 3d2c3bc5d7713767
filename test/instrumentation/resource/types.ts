// Checked by the compiler alone: what is used wrongly must not compile.
import type express from 'express'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Context, Hono } from 'hono'
import type { Release, Resource, Verified } from '#gate'
import { guard as expressGuard } from '../../../instrumentation/resource/express.ts'
import { guard as fastifyGuard } from '../../../instrumentation/resource/fastify.ts'
import { guard as honoGuard } from '../../../instrumentation/resource/hono.ts'

declare const resource: Resource
declare const verified: Verified
const named = { kind: 'tool', name: 'payout' }

export function hono(app: Hono): void {
  app.post(
    '/a',
    honoGuard({ resource, action: async (c: Context) => ({ ...named, arguments: await c.req.json() }) }),
  )
  app.post('/b', honoGuard({ resource, action: (c) => ({ ...named, arguments: c.req.header('x') }) }), (c) =>
    c.json(c.var.holdpoint.approvals),
  )
  // @ts-expect-error: what is asked for has to be said
  app.post('/c', honoGuard({ resource }))
}

export function fromExpress(app: express.Express): void {
  app.post(
    '/a',
    expressGuard({ resource, action: (req: express.Request) => ({ ...named, arguments: req.body }) }),
  )
  app.post(
    '/b',
    expressGuard({ resource, action: ({ body }) => ({ ...named, arguments: body }) }),
    (req, res) => {
      // @ts-expect-error: it is not there where no guard stands before it
      res.json(req.holdpoint.requestId)
    },
  )
  // @ts-expect-error: an action has a name
  app.post('/c', expressGuard({ resource, action: () => ({ kind: 'tool', arguments: {} }) }))
}

export function fastify(app: FastifyInstance): void {
  const action = ({ body }: FastifyRequest) => ({ ...named, arguments: body })
  app.post('/a', { ...fastifyGuard({ resource, action }) }, (request) => request.holdpoint?.requestId)
  // @ts-expect-error: its hooks are options of a route, and no middleware
  app.post('/b', fastifyGuard({ resource, action }).preHandler, () => '')
}

export function plain(): Release | undefined {
  // @ts-expect-error: there is a release only where it was verified
  verified.release.done('executed')
  // @ts-expect-error: what is in doubt, the ledger finds out by itself
  if (verified.ok) verified.release.done('ambiguous')
  return verified.ok ? verified.release : undefined
}
