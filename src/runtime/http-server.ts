import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { createAdaptorServer, type ServerType } from '@hono/node-server'
import { HoldpointError } from '#contract'
import type { Component } from './component.ts'
import type { Log } from './log.ts'
import { listenFrom } from './port.ts'

export interface HttpServerConfig {
  /** For logs and messages. */
  name: string
  host: string
  /** 0 for any. */
  port: number
  /** Goes on to the next free port where this one is taken; otherwise a taken port fails the start. */
  isPortFlexible?: boolean
  /** For a whole request; a sender slower than that is cut off. Default 30 s. Answers may last. */
  requestTimeoutMs?: number
}

export type Fetch = (request: Request) => Response | Promise<Response>

export interface HttpServer extends Component {
  port(): number
  /** `http://127.0.0.1:7070`: where it listens, without a slash at the end. */
  url(): string
}

const ANSWER_WITHIN_MS = 5_000
const FLUSH_WITHIN_MS = 200

/** Serves a fetch handler over HTTP/1.1. A stop lets requests under way be answered, and cuts off what still streams. */
export function createHttpServer(
  { name, host, port: wanted, isPortFlexible = false, requestTimeoutMs = 30_000 }: HttpServerConfig,
  deps: { fetch: Fetch; log: Log },
): HttpServer {
  let server: ServerType | undefined
  let port: number | undefined
  const underWay = new Set<Promise<unknown>>()
  const fetch: Fetch = (request) => {
    const answered = Promise.resolve(deps.fetch(request))
    const settled: Promise<unknown> = answered.then(
      () => underWay.delete(settled),
      () => underWay.delete(settled),
    )
    underWay.add(settled)
    return answered
  }
  const listening = (): number => {
    if (port !== undefined) return port
    throw new HoldpointError('INTERNAL', `${name} has not been started`)
  }

  return {
    name,
    port: listening,
    url: () => `http://${host.includes(':') ? `[${host}]` : host}:${listening()}`,
    async start() {
      const opened = createAdaptorServer({
        fetch,
        serverOptions: {
          // Slow-loris: whoever sends a byte now and then holds a connection, and no longer than this.
          headersTimeout: Math.min(10_000, requestTimeoutMs),
          requestTimeout: requestTimeoutMs,
          keepAliveTimeout: 65_000,
          maxHeaderSize: 32 * 1024,
        },
      }) as Server<typeof IncomingMessage, typeof ServerResponse>
      port = await listenFrom(opened, wanted, host, isPortFlexible ? undefined : 1)
      server = opened
    },
    async stop() {
      const open = server as Server | undefined
      server = undefined
      if (!open) return
      const closed = new Promise<void>((resolve) => open.close(() => resolve()))
      await Promise.race([Promise.all(underWay), pause(ANSWER_WITHIN_MS)])
      // What has been answered is on its way; what streams without end would keep us for ever.
      await Promise.race([closed, pause(FLUSH_WITHIN_MS)])
      open.closeAllConnections()
      await closed
    },
  }
}

const pause = (ms: number): Promise<void> => setTimeout(ms, undefined, { ref: false })
