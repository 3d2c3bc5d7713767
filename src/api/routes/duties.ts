import type { Context } from 'hono'
import { object, optional, parse, text } from '#contract'
import type { Desk } from '#desk'
import { bearerOf } from '../bearer.ts'
import { jsonBodyIfAny } from '../body.ts'
import { agentIdOf, type Route, refuseQuery, requestIdOf } from './route.ts'

const emptyShape = object({})
const reasonShape = object({ reason: optional(text({ min: 1, max: 1000 })) })

/** What people do to requests and agents beside reviewing. The broker decides whether they may. */
export function dutyRoutes({
  desk,
}: {
  desk: Pick<Desk, 'cancel' | 'revoke' | 'erase' | 'freeze'>
}): Route[] {
  const onRequest = (name: string, act: (call: RequestCall) => Promise<object>): Route => ({
    method: 'POST',
    path: `/v1/requests/:id/${name}`,
    async handle(c) {
      const token = bearerOf(c)
      refuseQuery(c)
      const requestId = requestIdOf(c)
      parse(emptyShape, (await jsonBodyIfAny(c)) ?? {}, 'the body')
      return c.json(await act({ requestId, channel: 'api', token }))
    },
  })
  const onAgents = (path: string, frozen: boolean, agentOf: (c: Context) => { agentId?: string }): Route => ({
    method: 'POST',
    path,
    async handle(c) {
      const token = bearerOf(c)
      refuseQuery(c)
      const agent = agentOf(c)
      const { reason } = parse(reasonShape, (await jsonBodyIfAny(c)) ?? {}, 'the body')
      const why = reason === undefined ? {} : { reason }
      return c.json(await desk.freeze({ ...agent, frozen, ...why, channel: 'api', token }))
    },
  })
  const one = (c: Context) => ({ agentId: agentIdOf(c) })
  const all = () => ({})
  return [
    onRequest('cancellation', desk.cancel),
    onRequest('revocation', desk.revoke),
    onRequest('erasure', desk.erase),
    onAgents('/v1/agents/:id/freeze', true, one),
    onAgents('/v1/agents/:id/thaw', false, one),
    onAgents('/v1/freeze', true, all),
    onAgents('/v1/thaw', false, all),
  ]
}

interface RequestCall {
  requestId: string
  channel: string
  token: string
}
