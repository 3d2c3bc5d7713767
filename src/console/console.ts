import { Hono } from 'hono'
import { HoldpointError } from '#contract'
import type { Desk } from '#desk'
import type { Sessions, SignIn } from '#identity'
import type { Log } from '#runtime'
import type { Store } from '#store'
import type { Env, Parts } from './context.ts'
import { createFrozenView } from './frozen.ts'
import { readAssets } from './http/assets.ts'
import { createCookies } from './http/cookies.ts'
import { securityHeaders } from './http/headers.ts'
import { ownFormsOnly, ownNameOnly, smallForms } from './http/same-site.ts'
import { signedInOnly } from './http/session-gate.ts'
import { actedRoutes } from './investigate/acted.ts'
import { traceRoutes } from './investigate/trace-page.ts'
import { violationRoutes } from './investigate/violations.ts'
import { eventRoutes } from './live/events.ts'
import { createHub } from './live/hub.ts'
import { createStreams } from './live/streams.ts'
import { agentRoutes } from './pages/agents.ts'
import { eraseRoutes } from './pages/erase.ts'
import { errorPage } from './pages/error.ts'
import { explainRoutes } from './pages/explain.ts'
import { freezeRoutes } from './pages/freeze.ts'
import { helpRoutes } from './pages/help.ts'
import { historyRoutes } from './pages/history.ts'
import { inboxRoutes } from './pages/inbox.ts'
import { ledgerRoutes } from './pages/ledger.ts'
import { policyRoutes } from './pages/policy.ts'
import { requestRoutes } from './pages/request.ts'
import { reviewRoutes } from './pages/review.ts'
import { signInRoutes, signOutRoutes } from './pages/sign-in.ts'

export interface ConsoleConfig {
  /** Under which people reach it, without a slash at the end; known once the server listens. */
  publicUrl: () => string
  /** Made-up people sign in: every page says so. */
  isDevelopment: boolean
  /** How long a page waits for ClickHouse. Default 4 s: people came to decide, or to find something out. */
  patienceMs?: number
  /** Between two signs of life on an open page, at which its session is looked at again. Default 15 s. */
  heartbeatMs?: number
  /** Open pages that hear of changes: of one session (default 4), and of all (default 2,000). */
  mostStreamsPerSession?: number
  mostStreams?: number
}

export interface ConsoleDeps {
  desk: Desk
  signIn: SignIn
  sessions: Sessions
  /** Where traces are read; without it pages say so. */
  store?: Pick<Store, 'query'>
  now: () => number
  log: Log
}

/** The web console. Reading never decides: what changes anything is a POST of a form of its own. */
export function createConsole(config: ConsoleConfig, deps: ConsoleDeps): Hono<Env> {
  const { publicUrl, isDevelopment, patienceMs = 4_000 } = config
  const { heartbeatMs = 15_000, mostStreamsPerSession = 4, mostStreams = 2_000 } = config
  const assets = readAssets()
  const hub = createHub(deps)
  const parts: Parts = {
    ...deps,
    store: deps.store,
    publicUrl,
    isDevelopment,
    patienceMs,
    assets: assets.urls,
    cookies: createCookies(publicUrl),
    hub,
    frozen: createFrozenView({ ...deps, newestAlarm: () => hub.alarms()[0]?.id }),
  }
  const streams = createStreams({ heartbeatMs, mostPerSession: mostStreamsPerSession, most: mostStreams })

  const app = new Hono<Env>()
  app.onError((error, c) => errorPage(c, parts, error))
  app.use(securityHeaders(publicUrl), ownNameOnly(publicUrl), ownFormsOnly(publicUrl), smallForms)

  app.get('/assets/*', (c) => {
    const asset = assets.find(c.req.path)
    if (!asset) throw new HoldpointError('NOT_FOUND')
    const headers = { 'content-type': asset.type, 'cache-control': 'public, max-age=31536000, immutable' }
    return c.body(asset.bytes, 200, headers)
  })
  signInRoutes(app, parts)
  app.use(signedInOnly(parts))
  app.use(async (c, next) => {
    // Asked while the page is made; a stream shows none.
    if (c.req.path !== '/events') c.set('frozen', parts.frozen.now(c.get('session').token))
    await next()
  })
  signOutRoutes(app, parts, streams)
  inboxRoutes(app, parts)
  historyRoutes(app, parts)
  requestRoutes(app, parts)
  reviewRoutes(app, parts)
  actedRoutes(app, parts)
  violationRoutes(app, parts)
  traceRoutes(app, parts)
  agentRoutes(app, parts)
  freezeRoutes(app, parts)
  eraseRoutes(app, parts)
  policyRoutes(app, parts)
  explainRoutes(app, parts)
  ledgerRoutes(app, parts)
  helpRoutes(app, parts)
  eventRoutes(app, parts, streams)

  // Whatever else has one of these addresses came with another method.
  for (const { path, method } of [...app.routes])
    if (method !== 'ALL')
      app.all(path, () => {
        throw new HoldpointError('METHOD_NOT_ALLOWED')
      })
  app.notFound(() => {
    throw new HoldpointError('NOT_FOUND')
  })
  return app
}
