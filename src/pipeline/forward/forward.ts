import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { HoldpointError } from '#contract'
import type { Log } from '#runtime'
import type { Accepted, Signal } from '../otlp/signal.ts'
import { readAnswer, readReason } from './answer.ts'
import { createForwardMeasures } from './measures.ts'
import { retryAtMs } from './retry-after.ts'

export interface ForwardConfig {
  /** A Collector's OTLP/HTTP address; `/v1/traces` and so on are put behind its path. */
  url: string
  /** Shown as a bearer token. */
  token?: string
  /** For one request, its answer included. Default 30 s. */
  timeoutMs?: number
}

export interface ForwardDeps {
  now: () => number
  log: Log
}

export interface Forward {
  /**
   * Resolves when the Collector has taken the request, an Export…ServiceRequest. Throws a retryable UNAVAILABLE
   * where it may take the same bytes later, and INVALID_INPUT where it never will. An answer that was lost means
   * that the bytes are sent again: OTLP knows no deduplication, so the Collector may then have them twice.
   */
  send(signal: Signal, body: Uint8Array): Promise<Accepted>
}

const TIMEOUT_MS = 30_000
/** https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes, and the one that HTTP itself adds. */
const RETRYABLE = new Set([408, 429, 502, 503, 504])
/** Address or token are wrong: no batch is at fault, so none may end as a dead letter for it. */
const MISCONFIGURED = new Set([401, 403, 404, 405])

/** OTLP/HTTP out: https://opentelemetry.io/docs/specs/otlp/#otlphttp. Throws INVALID_CONFIG for a URL it cannot use. */
export function createForward(config: ForwardConfig, deps: ForwardDeps): Forward {
  const { token, timeoutMs = TIMEOUT_MS } = config
  const { now, log } = deps
  const addressOf = addresses(config.url)
  const measures = createForwardMeasures()
  /** Until when the Collector has asked to be left alone; whoever comes earlier is told so, and it is not asked. */
  let quietUntilMs = 0

  async function send(signal: Signal, body: Uint8Array): Promise<Accepted> {
    if (now() < quietUntilMs)
      throw unavailable(`the Collector asked to be left alone for ${quietUntilMs - now()} ms more`)
    const response = await post(signal, body)
    if (response.status === 200) return accepted(signal, await readAnswer(response))
    throw await refusal(response)
  }

  async function post(signal: Signal, body: Uint8Array): Promise<Response> {
    // Level 1: the batch goes one hop, and the processor is wanted for verification.
    const compressed = await promisify(gzip)(body, { level: 1 })
    try {
      return await fetch(addressOf(signal), {
        method: 'POST',
        body: compressed,
        headers: {
          'Content-Type': 'application/x-protobuf',
          'Content-Encoding': 'gzip',
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        },
        // Followed, a redirect would take spans and token to wherever it points.
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      })
    } catch (cause) {
      throw unavailable(`the Collector cannot be reached: ${reasonOf(cause)}`, cause)
    }
  }

  function accepted(signal: Signal, answer: Accepted): Accepted {
    measures.sent(signal, answer.rejected)
    if (answer.rejected > 0 || answer.errorMessage !== undefined)
      log.warn('the Collector has not taken all of a batch', { signal, ...answer })
    return answer
  }

  async function refusal(response: Response): Promise<HoldpointError> {
    const { status } = response
    const reason = await readReason(response)
    const said = `the Collector answered ${status}${reason === '' ? '' : `: ${reason}`}`
    if (RETRYABLE.has(status)) {
      quietUntilMs = retryAtMs(response.headers.get('retry-after'), now()) ?? 0
      return unavailable(said)
    }
    if (MISCONFIGURED.has(status) || (status >= 300 && status < 400))
      return unavailable(`${said} (look at pipeline.forward.url and its token)`)
    return new HoldpointError('INVALID_INPUT', said)
  }

  return {
    async send(signal, body) {
      try {
        return await send(signal, body)
      } catch (error) {
        measures.failed(
          signal,
          error instanceof HoldpointError && error.retryable ? 'unavailable' : 'refused',
        )
        throw error
      }
    },
  }
}

function addresses(text: string): (signal: Signal) => string {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '')
    throw new HoldpointError(
      'INVALID_CONFIG',
      'pipeline.forward.url: expected an http:// or https:// URL without a query',
    )
  if (url.username !== '' || url.password !== '')
    throw new HoldpointError(
      'INVALID_CONFIG',
      'pipeline.forward.url: expected no name or password in it; use a token',
    )
  const base = url.href.replace(/\/$/, '')
  return (signal) => `${base}/v1/${signal}`
}

const unavailable = (message: string, cause?: unknown): HoldpointError =>
  new HoldpointError('UNAVAILABLE', message, { retryable: true, ...(cause === undefined ? {} : { cause }) })

/** `fetch failed` says nothing; what failed is its cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error
  return (cause instanceof Error && cause.message) || message
}
