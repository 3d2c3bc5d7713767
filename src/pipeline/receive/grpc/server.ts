import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Component, Log } from '#runtime'
import type { Tls } from '../access/tls.ts'
import { type ListenConfig, listen } from '../listen.ts'
import { keepAlive } from './keep-alive.ts'

export interface GrpcServerConfig extends ListenConfig {
  /** For a handshake, and for the settings of a connection. */
  requestTimeoutMs: number
  /** How long a stop waits for calls under way. */
  drainMs: number
}

export interface GrpcServerDeps {
  answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void>
  tls: Tls | undefined
  log: Log
}

/** What one connection may have on the way to us, at most; senders far away need about as much. */
const WINDOW_BYTES = 2 * 1024 * 1024
/**
 * How many calls are under way is bounded by the intake, for all connections together. Node would count calls that are
 * just over, and refuse the next in a way that gRPC takes for final.
 */
const OPTIONS: ServerOptions = {
  settings: { initialWindowSize: 1024 * 1024, enablePush: false },
  maxSessionMemory: 64,
}

/**
 * A server for HTTP/2 as gRPC uses it, with TLS or without: its start and its end. It stands on Node's own HTTP/2,
 * since a gRPC library assembles and decompresses whole messages before anybody can say that there is no room.
 */
export function createGrpcReceiver(
  { requestTimeoutMs, drainMs, ...where }: GrpcServerConfig,
  { answer, tls, log }: GrpcServerDeps,
): Component & { port(): number | undefined } {
  const sessions = new Set<ServerHttp2Session>()
  const sockets = new Set<Socket>()
  let server: Http2Server | Http2SecureServer | undefined
  let port: number | undefined
  let stopping: Promise<void> | undefined

  function create(): Http2Server | Http2SecureServer {
    const created = tls === undefined ? createServer(OPTIONS) : createSecure(tls)
    created.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    created.on('session', (session) => {
      sessions.add(session)
      session.once('close', () => sessions.delete(session))
      session.setLocalWindowSize(WINDOW_BYTES)
      keepAlive(session, { settingsWithinMs: Math.min(10_000, requestTimeoutMs) })
      if (stopping) session.close()
    })
    created.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      // Senders break off; whoever reads the stream hears of it.
      stream.on('error', (error: Error) => log.debug('a call broke off', { reason: error.message }))
      void answer(stream, headers)
    })
    return created.on('sessionError', (error) =>
      log.debug('a connection broke off', { reason: error.message }),
    )
  }

  function createSecure({ asksForCertificate, read, follow }: Tls): Http2SecureServer {
    const created = createSecureServer({
      ...OPTIONS,
      ...read(),
      handshakeTimeout: Math.min(10_000, requestTimeoutMs),
      requestCert: asksForCertificate,
      rejectUnauthorized: asksForCertificate,
    })
    follow(created)
    created.on('tlsClientError', (error) => log.debug('a TLS handshake failed', { reason: error.message }))
    return created
  }

  return {
    name: 'otlp-grpc',
    port: () => port,
    async start() {
      server = create()
      port = await listen(server, 'pipeline.grpcPort', where)
    },
    stop() {
      const open = server
      if (open === undefined || port === undefined) return Promise.resolve()
      stopping ??= new Promise((resolve) => {
        const hardly = setTimeout(() => {
          for (const socket of sockets) socket.destroy()
        }, drainMs)
        open.close(() => {
          clearTimeout(hardly)
          resolve()
        })
        // GOAWAY: calls under way are answered, and new ones go elsewhere.
        for (const session of sessions) session.close()
      })
      return stopping
    },
  }
}
