import type { Context, Hono } from 'hono'
import { AGENT_ID, object, parse, text } from '#contract'
import { HttpRefusal } from '../problem.ts'
import { queryOf } from '../query.ts'

export interface Route {
  method: 'GET' | 'POST'
  /** As Hono has it: `/v1/requests/:id`. */
  path: string
  /** Media types that a good answer fits, if not JSON alone. */
  produces?: readonly string[]
  handle(c: Context): Response | Promise<Response>
}

/** Every route, and for every path what it says to methods that it does not have. */
export function mount(app: Hono, routes: readonly Route[]): void {
  for (const [path, there] of Object.entries(Object.groupBy(routes, (route) => route.path))) {
    const known = there ?? []
    for (const { method, produces = ['application/json'], handle } of known)
      app.on(method, path, (c) => {
        requireAccept(c, produces)
        return handle(c)
      })
    // HEAD comes with every GET.
    const methods = known.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    const allow = [...methods, 'OPTIONS'].join(', ')
    app.all(path, (c) => {
      if (c.req.method === 'OPTIONS') return c.body(null, 204, { allow })
      throw new HttpRefusal('METHOD_NOT_ALLOWED', `${path} knows ${allow}`, { headers: { allow } })
    })
  }
}

/** RFC 9110, 12.5.1, as far as saying no needs it. */
function requireAccept(c: Context, produces: readonly string[]): void {
  const accept = c.req.header('accept')
  if (accept === undefined || accept.trim() === '') return
  const wanted = accept
    .split(',')
    .map((one) => one.split(';').map((part) => part.trim().toLowerCase()))
    .filter(([, ...parameters]) => !parameters.some((one) => /^q=0(\.0*)?$/.test(one)))
    .map(([range]) => range)
  const ranges = new Set(['*/*', ...produces.flatMap((type) => [type, type.replace(/\/.*/, '/*')])])
  if (wanted.some((range) => range !== undefined && ranges.has(range))) return
  throw new HttpRefusal(
    'INVALID_INPUT',
    `the header accept leaves out ${produces[0]}, which is all there is`,
    {
      status: 406,
    },
  )
}

const nothing = object({})

/** For addresses without a query: what somebody put there would be ignored, and they would not know. */
export const refuseQuery = (c: Context): void => void queryOf(c, nothing)

const requestIdShape = object({ requestId: text({ min: 1, max: 200 }) })

export const requestIdOf = (c: Context): string =>
  parse(requestIdShape, { requestId: c.req.param('id') }, 'the path').requestId

const agentIdShape = object({ agentId: text({ pattern: AGENT_ID, like: 'the id of an agent' }) })

export const agentIdOf = (c: Context): string =>
  parse(agentIdShape, { agentId: c.req.param('id') }, 'the path').agentId
