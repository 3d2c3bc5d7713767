import { HoldpointError } from '#contract'
import type { Component, Log } from '#runtime'
import type { Accepted, ExportRequest } from '../otlp/signal.ts'
import { missingProtection } from './access/exposure.ts'
import { createTls, type TlsConfig } from './access/tls.ts'
import { createTokens } from './access/tokens.ts'
import { createCalls } from './grpc/call.ts'
import { createGrpcReceiver } from './grpc/server.ts'
import { createAnswer } from './http/answer.ts'
import { createHttpReceiver } from './http/server.ts'
import { createIntake } from './intake.ts'
import { createRequestCount } from './telemetry.ts'

export interface ReceiversConfig {
  host: string
  /** For OTLP/HTTP, 4318 by convention; 0 for any. */
  port: number
  /** For OTLP/gRPC, 4317 by convention; 0 for any. */
  grpcPort: number
  /** Goes on to the next free port where one is taken; otherwise a taken port fails the start. */
  isPortFlexible?: boolean
  /** Of a body, compressed and decompressed. */
  maxBodyBytes: number
  /** Under way at the same time, by both protocols together. Default 1,000. */
  maxRequests?: number
  tls?: TlsConfig
  /** The path of a file with the bearer tokens of senders; without it, they need none. */
  tokens?: string | undefined
  /** For a whole request; a sender slower than that is cut off. Default 30 s. */
  requestTimeoutMs?: number
  /** How long a stop waits for what is under way. Default 10 s. */
  drainMs?: number
}

export interface ReceiversDeps {
  /** Resolves when the request is durable. Errors that are retryable are answered so; INVALID_INPUT for good. */
  accept(request: ExportRequest, receivedAtMs: number): Promise<Accepted>
  /** Why nothing can be accepted now, for those who ask whether we are ready; without it we are while we listen. */
  whyNotReady?(): string | undefined
  /** Milliseconds since the epoch. */
  now: () => number
  log: Log
}

export interface Receivers extends Component {
  httpPort(): number
  grpcPort(): number
}

/** OTLP over HTTP and over gRPC: who may send, how much, and what they are answered. */
export function createReceivers(config: ReceiversConfig, deps: ReceiversDeps): Receivers {
  const { host, isPortFlexible = false, maxBodyBytes, maxRequests = 1_000 } = config
  const { requestTimeoutMs = 30_000, drainMs = 10_000 } = config
  const { accept, now, log } = deps
  const intake = createIntake({ maxBodyBytes, maxRequests }, { accept, now })
  const tls = createTls(config.tls ?? {}, { now, log })
  const tokens = config.tokens === undefined ? undefined : createTokens(config.tokens, { now, log })
  const whyNotReady = () => (intake.isOpen() ? deps.whyNotReady?.() : 'shutting down')
  const asksForCertificate = tls?.asksForCertificate ?? false

  const count = createRequestCount()
  const common = { host, isPortFlexible, requestTimeoutMs, drainMs }
  const http = createHttpReceiver(
    { ...common, port: config.port },
    { answer: createAnswer({ intake, tokens, asksForCertificate, whyNotReady, count, log }), tls, log },
  )
  const grpc = createGrpcReceiver(
    { ...common, port: config.grpcPort },
    { answer: createCalls({ intake, tokens, whyNotReady, requestTimeoutMs, count, log }), tls, log },
  )

  function stop(): Promise<void> {
    intake.close()
    return Promise.all([http.stop(), grpc.stop()]).then(() => undefined)
  }

  return {
    name: 'otlp-receivers',
    httpPort: () => started(http.port()),
    grpcPort: () => started(grpc.port()),
    async start() {
      tokens?.load()
      try {
        await http.start()
        await grpc.start()
      } catch (error) {
        await stop()
        throw error
      }
      const missing = missingProtection(host, {
        hasTls: tls !== undefined,
        hasClientCa: asksForCertificate,
        hasTokens: tokens !== undefined,
      })
      if (missing.length > 0)
        log.warn('OTLP is received from the network without protection: set what is missing', {
          host,
          missing,
        })
      const scheme = tls === undefined ? 'http' : 'https'
      const at = host.includes(':') ? `[${host}]` : host
      log.info('OTLP receivers are ready', {
        http: `${scheme}://${at}:${http.port()}`,
        grpc: `${scheme}://${at}:${grpc.port()}`,
      })
    },
    stop,
  }
}

function started(port: number | undefined): number {
  if (port !== undefined) return port
  throw new HoldpointError('INTERNAL', 'the OTLP receivers have not been started')
}
