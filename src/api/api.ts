import { Hono } from 'hono'
import { HoldpointError } from '#contract'
import type { Desk } from '#desk'
import type { Log } from '#runtime'
import { createMeasures } from './measures.ts'
import { type ApiDocument, openApi } from './openapi/document.ts'
import { answerProblem } from './problem.ts'
import { agentsRoutes } from './routes/agents.ts'
import { dutyRoutes } from './routes/duties.ts'
import { createKeysRoutes } from './routes/keys.ts'
import { ledgerRoutes } from './routes/ledger.ts'
import { policyRoutes } from './routes/policy.ts'
import { requestsRoutes } from './routes/requests.ts'
import { reviewRoutes } from './routes/reviews.ts'
import { mount, type Route } from './routes/route.ts'
import { createServiceRoutes } from './routes/service.ts'
import { createWatchRoutes } from './routes/watch.ts'
import { keepSafe } from './safety.ts'
import { type Every, every } from './stream/every.ts'
import { createTrustView } from './trust-view.ts'

export interface ApiConfig {
  /** The address under which people reach it, without a slash at the end; known once the port is. */
  publicUrl: () => string
  version: string
  /** Event streams that may be open at once, in all (default 500) and with one token (default 8). */
  maxStreams?: number
  maxStreamsPerToken?: number
}

export interface ApiDeps {
  desk: Desk
  /** All metrics of this process, as Prometheus' text. */
  exposition(): Promise<string>
  now: () => number
  log: Log
  /** For the heartbeat of event streams, and for looking at their tokens again. */
  every?: Every
}

/**
 * The HTTP face for programs: REST and server-sent events for reviewers, public keys, health. It forwards a person's
 * bearer token, and the broker verifies it; cookies mean nothing here, so no page of somebody else can decide.
 */
export function createApi(config: ApiConfig, deps: ApiDeps): Hono {
  const { desk, now, log } = deps
  const measures = createMeasures()
  const trust = createTrustView({ desk, now })
  const document = (): ApiDocument => openApi({ url: config.publicUrl(), version: config.version })
  const routes: Route[] = [
    ...createWatchRoutes(config, { desk, now, log, every: deps.every ?? every, measures }),
    ...requestsRoutes({ desk, publicUrl: config.publicUrl }),
    ...reviewRoutes({ desk }),
    ...dutyRoutes({ desk }),
    ...policyRoutes({ desk }),
    ...agentsRoutes({ desk }),
    ...ledgerRoutes({ desk }),
    ...createKeysRoutes({ trust }),
    ...createServiceRoutes({ trust, exposition: deps.exposition, document }),
  ]

  const app = new Hono()
  app.onError((error, c) => answerProblem(c, error, log))
  app.notFound((c) =>
    answerProblem(
      c,
      new HoldpointError('NOT_FOUND', 'there is nothing at this address; see /openapi.json'),
      log,
    ),
  )
  app.use(measures.measured)
  app.use(keepSafe)
  mount(app, routes)
  return app
}
