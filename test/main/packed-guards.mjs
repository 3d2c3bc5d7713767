// A service out of the published package alone: one guarded route under each framework. Copied to where that is installed;
// CLONE is where the frameworks are.
import { createRequire } from 'node:module'
import { createResource } from '@holdpoint/instrumentation/resource'
import { guard as guardExpress } from '@holdpoint/instrumentation/resource/express'
import { guard as guardFastify } from '@holdpoint/instrumentation/resource/fastify'
import { guard as guardHono } from '@holdpoint/instrumentation/resource/hono'

const load = createRequire(process.env.CLONE)
const { Hono } = load('hono')
const { serve } = load('@hono/node-server')
const express = load('express')
const fastify = load('fastify')

const resource = createResource()
await resource.start()
const payout = { kind: 'tool', name: 'payout', target: 'accounts/eu' }
const local = { port: 0, host: '127.0.0.1' }

const hono = new Hono().post(
  '/payouts',
  guardHono({ resource, action: async (c) => ({ ...payout, arguments: await c.req.json() }) }),
  (c) => c.json(c.var.holdpoint.approvals),
)
const ofHono = await new Promise((done) => serve({ fetch: hono.fetch, port: 0, hostname: '127.0.0.1' }, done))

const action = (request) => ({ ...payout, arguments: request.body })
const app = express()
app.post('/payouts', guardExpress({ resource, action }), (request, response) =>
  response.json(request.holdpoint.approvals),
)
const ofExpress = await new Promise((done) => {
  const server = app.listen(local.port, local.host, () => done(server.address()))
})

const quick = fastify()
quick.post('/payouts', { ...guardFastify({ resource, action }) }, (request) => request.holdpoint.approvals)
await quick.listen(local)

const ports = { hono: ofHono.port, express: ofExpress.port, fastify: quick.server.address().port }
process.stdout.write(`${JSON.stringify(ports)}\n`)
process.once('SIGTERM', async () => {
  await resource.stop()
  process.exit(0)
})
