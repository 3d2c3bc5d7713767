import type { NatsConnection } from '@nats-io/transport-node'
import { createApi } from '#api'
import { openHome } from '#broker'
import { createWebhooks, readEndpoints } from '#channels'
import { createConsole } from '#console'
import { createChannelDesk, createDesk } from '#desk'
import { createSessions, createSignIn, DEVELOPMENT_ISSUER, type SignInIssuer } from '#identity'
import {
  type Command,
  type Config,
  createHttpServer,
  defineCommand,
  type Fetch,
  type HttpServer,
  type Log,
  readRunning,
  type Stack,
  type Telemetry,
} from '#runtime'
import { createStore, type Store } from '#store'
import { configuredConnection } from './connection.ts'
import { issuersForSignIn } from './issuers.ts'
import { startMetrics } from './metrics.ts'
import { serve } from './serve.ts'
import { VERSION } from './version.ts'

export const deskCommand: Command = defineCommand({
  name: 'desk',
  summary: 'Run the reviewers’ side alone: console, REST and webhooks',
  details:
    'Needs nats.url, or a `holdpoint up` on the same data folder; identity.issuers with a clientId, so that people can\n' +
    'sign in; and clickhouse.url with a user that may read, for traces. Any number may run side by side behind a\n' +
    'proxy that keeps a person on one of them; name its address in http.url.',
  example: 'HOLDPOINT_HTTP_URL=https://holdpoint.example.com holdpoint desk',
  run: (_, io) =>
    serve('desk', io, async ({ config, log, stack, telemetry }) => {
      const home = openHome(config.dataDir)
      let server: HttpServer | undefined
      const whyNotReady = () => (server ? undefined : 'starting')
      await startMetrics('desk', config, { telemetry, whyNotReady, stack, log })
      const desk = await stack.start(configuredConnection('desk', home, config))
      const channel = await stack.start(
        configuredConnection('channel', home, {
          ...config,
          nats: { ...config.nats, credentials: config.channels.credentials },
        }),
      )
      server = await startDesk(config, {
        nc: desk.nc(),
        channel: channel.nc(),
        issuers: issuersForSignIn(config, io.cwd),
        store: await openStore(config, stack),
        stack,
        telemetry,
        now: io.now,
        log,
        cwd: io.cwd,
        isPortFlexible: false,
      })
      log.info('console and REST are ready', { url: server.url() })
    }),
})

export interface DeskParts {
  /** Connected as `desk`. */
  nc: NatsConnection
  /** Connected as `channel`. */
  channel: NatsConnection
  issuers: readonly SignInIssuer[]
  /** For reading; without it the console shows no traces. */
  store: Store | undefined
  stack: Stack
  telemetry: Pick<Telemetry, 'exposition'>
  now: () => number
  log: Log
  /** What secrets' files in the configuration are relative to. */
  cwd: string
  isPortFlexible: boolean
}

/** Console, REST and webhooks on one port. Returns the server, which is listening. */
export async function startDesk(config: Config, parts: DeskParts): Promise<HttpServer> {
  const { issuers, store, stack, now, log } = parts
  const { host, port, url } = config.http
  const desk = createDesk({ nc: parts.nc })
  const publicUrl = (): string => (url ?? server.url()).replace(/\/$/, '')

  const signIn = createSignIn({ issuers, redirectUri: () => `${publicUrl()}/sign-in/callback` }, { now })
  const sessions = createSessions({}, { now, signIn, log })
  const { exposition } = parts.telemetry
  const api = createApi({ publicUrl, version: VERSION }, { desk, exposition, now, log })
  const console_ = createConsole(
    { publicUrl, isDevelopment: issuers.some(({ issuer }) => issuer === DEVELOPMENT_ISSUER) },
    { desk, signIn, sessions, now, log, ...(store ? { store } : {}) },
  )
  const webhooks = createWebhooks(
    { endpoints: readEndpoints(config, parts.cwd), publicUrl },
    { nc: parts.channel, desk, channelDesk: createChannelDesk({ nc: parts.channel }), now, log },
  )
  const server = createHttpServer(
    { name: 'console and REST', host, port, isPortFlexible: parts.isPortFlexible },
    { fetch: byPath({ api, webhooks: webhooks.app, console: console_ }), log },
  )
  await stack.start(server)
  await stack.start(webhooks)
  return server
}

type App = { fetch: Fetch }

/** Each room's app by itself: no middleware of one ever runs for a page of another. */
const byPath =
  (apps: { api: App; webhooks: App; console: App }): Fetch =>
  (request) => {
    const { pathname } = new URL(request.url)
    if (/^\/v1\/webhooks(\/|$)/.test(pathname)) return apps.webhooks.fetch(request)
    if (/^\/(v1|\.well-known)(\/|$)|^\/(openapi\.json|healthz|readyz|metrics)$/.test(pathname))
      return apps.api.fetch(request)
    return apps.console.fetch(request)
  }

async function openStore({ clickhouse, dataDir }: Config, stack: Stack): Promise<Store | undefined> {
  const { url, user = 'default', password = '', database } = clickhouse
  const target = url ? { url, user, password, database } : readRunning(dataDir)?.clickhouse
  if (!target) return undefined
  const store = createStore(target)
  await stack.start({ name: 'store for reading', start: async () => {}, stop: () => store.close() })
  return store
}
