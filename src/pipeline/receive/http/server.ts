import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Component, Log } from '#runtime'
import type { Tls } from '../access/tls.ts'
import { type ListenConfig, listen } from '../listen.ts'

export interface HttpServerConfig extends ListenConfig {
  /** For a whole request; a sender slower than that is told 408 and cut off. */
  requestTimeoutMs: number
  /** How long a stop waits for requests under way. */
  drainMs: number
}

export interface HttpServerDeps {
  /** `expectsContinue`: the sender waits for 100 before it sends the body. */
  answer(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Promise<void>
  tls: Tls | undefined
  log: Log
}

/** A server for HTTP/1.1, with TLS or without: its time limits, its start and its end. */
export function createHttpReceiver(
  { requestTimeoutMs, drainMs, ...where }: HttpServerConfig,
  { answer, tls, log }: HttpServerDeps,
): Component & { port(): number | undefined } {
  let server: Server | undefined
  let port: number | undefined
  let stopping: Promise<void> | undefined

  function create(): Server {
    const options: ServerOptions = {
      // Slow-loris: whoever sends a byte now and then holds a connection, and no longer than this.
      headersTimeout: Math.min(10_000, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs),
      keepAliveTimeout: 65_000,
    }
    const created = tls === undefined ? createServer(options) : createSecure(options, tls)
    const listener = (expectsContinue: boolean): RequestListener => {
      return (request, response) => {
        // A connection that is kept alive would keep a stop waiting for it.
        if (stopping) response.setHeader('Connection', 'close')
        void answer(request, response, expectsContinue)
      }
    }
    return created.on('request', listener(false)).on('checkContinue', listener(true))
  }

  function createSecure(options: ServerOptions, { asksForCertificate, read, follow }: Tls): Server {
    const created = createSecureServer({
      ...options,
      ...read(),
      handshakeTimeout: Math.min(10_000, requestTimeoutMs),
      // Who has none is refused by each path that needs one, so that probes can look whether we are alive.
      requestCert: asksForCertificate,
      rejectUnauthorized: false,
    })
    follow(created)
    created.on('tlsClientError', (error) => log.debug('a TLS handshake failed', { reason: error.message }))
    return created
  }

  return {
    name: 'otlp-http',
    port: () => port,
    async start() {
      server = create()
      port = await listen(server, 'pipeline.port', where)
    },
    stop() {
      const open = server
      if (open === undefined || port === undefined) return Promise.resolve()
      stopping ??= new Promise((resolve) => {
        const hardly = setTimeout(() => open.closeAllConnections(), drainMs)
        open.close(() => {
          clearTimeout(hardly)
          resolve()
        })
        open.closeIdleConnections()
      })
      return stopping
    },
  }
}
