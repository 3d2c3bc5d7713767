import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { type Context, Hono } from 'hono'
import type { Release, Resource } from '#gate'
import { guard as expressGuard } from '../../../instrumentation/resource/express.ts'
import { guard as fastifyGuard } from '../../../instrumentation/resource/fastify.ts'
import { guard as honoGuard } from '../../../instrumentation/resource/hono.ts'

/** What the service does with what was released; a number is the status that it answers with. */
export type Handle = (release: Release, body: unknown) => Promise<number> | number

export interface ResourceServer {
  url: string
  stop(): Promise<void>
}

/** A service with one guarded route, `POST /accounts/:account/payouts`. */
type Start = (resource: Resource, handle: Handle) => Promise<ResourceServer>

const named = (account: string | undefined) => ({
  kind: 'tool',
  name: 'payout',
  target: `accounts/${account}`,
})

export const RESOURCE_SERVERS: Readonly<Record<'hono' | 'express' | 'expressParsed' | 'fastify', Start>> = {
  async hono(resource, handle) {
    const app = new Hono()
    app.post(
      '/accounts/:account/payouts',
      honoGuard({
        resource,
        action: async (c: Context) => ({
          ...named(c.req.param('account')),
          arguments: await c.req.json(),
        }),
      }),
      async (c) =>
        c.json({ done: true }, (await handle(c.var.holdpoint, await c.req.json())) as 200 | 202 | 409 | 500),
    )
    app.onError((_error, c) => c.json({ error: 'broken' }, 500))
    return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
  },

  express: (resource, handle) => startExpress(resource, handle, []),
  /** With a parser for all routes, as most have it. */
  expressParsed: (resource, handle) => startExpress(resource, handle, [express.json()]),

  async fastify(resource, handle) {
    const app = fastify()
    app.post(
      '/accounts/:account/payouts',
      {
        ...fastifyGuard({
          resource,
          action: (request: fastify.FastifyRequest<{ Params: { account: string } }>) => ({
            ...named(request.params.account),
            arguments: request.body,
          }),
        }),
      },
      async (request, reply) => {
        if (request.holdpoint === undefined) throw new Error('unguarded')
        return reply.code(await handle(request.holdpoint, request.body)).send({ done: true })
      },
    )
    await app.listen({ port: 0, host: '127.0.0.1' })
    return listening(app.server)
  },
}

async function startExpress(resource: Resource, handle: Handle, before: express.RequestHandler[]) {
  const app = express()
  app.use(...before, (_request, _response, next) => next())
  app.post(
    '/accounts/:account/payouts',
    expressGuard({
      resource,
      action: (request: express.Request) => ({
        ...named(String(request.params.account)),
        arguments: request.body,
      }),
    }),
    // Whoever has it for all routes: there is nothing left for it to read.
    express.json(),
    async (request, response) => {
      const { holdpoint } = request
      if (holdpoint === undefined) throw new Error('unguarded')
      response.status(await handle(holdpoint, request.body)).json({ done: true })
    },
  )
  app.use(((_error, _request, response, _next) => {
    response.status(500).json({ error: 'broken' })
  }) as express.ErrorRequestHandler)
  return listening(createServer(app).listen(0, '127.0.0.1'))
}

async function listening(server: Server): Promise<ResourceServer> {
  if (!server.listening) await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
