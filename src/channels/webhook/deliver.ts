import { HoldpointError, type WebhookAlarm, type WebhookMessage, type WebhookTest } from '#contract'
import type { ChannelDesk } from '#desk'
import { post, type Resolve } from '../post.ts'
import type { WebhookEndpoint } from './endpoints.ts'
import { messageFor, messageId, type Occurrence, signedPost } from './message.ts'

/** What became of one attempt. `gone` and `refused` are not tried again; `reason` is for people. */
export type Delivery =
  | { outcome: 'delivered'; status: number }
  | { outcome: 'retry'; reason: string; notBeforeMs?: number }
  | { outcome: 'gone' | 'refused'; reason: string }

export interface DeliveryDeps {
  channelDesk: ChannelDesk
  publicUrl: () => string
  resolve: Resolve
  now: () => number
  timeoutMs: number
  /** Aborted when nobody waits any longer. */
  signal: AbortSignal
}

/** Tells one endpoint of one event, once. Never throws. */
export async function deliver(
  endpoint: WebhookEndpoint,
  occurrence: Occurrence,
  deps: DeliveryDeps,
): Promise<Delivery> {
  try {
    const message = await messageFor(occurrence, endpoint, deps)
    return await send(endpoint, messageId(occurrence), message, deps)
  } catch (error) {
    return failure(error)
  }
}

/** Sends one message as it is. Never throws. */
export async function send(
  endpoint: WebhookEndpoint,
  id: string,
  message: WebhookMessage | WebhookAlarm | WebhookTest,
  { resolve, now, timeoutMs, signal }: Omit<DeliveryDeps, 'channelDesk' | 'publicUrl'>,
): Promise<Delivery> {
  try {
    const reply = await post(signedPost(endpoint, id, message, now()), {
      rules: endpoint.rules,
      resolve,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    })
    return judge(reply.status, reply.retryAfter, now())
  } catch (error) {
    return failure(error)
  }
}

function judge(status: number, retryAfter: string | undefined, nowMs: number): Delivery {
  if (status >= 200 && status < 300) return { outcome: 'delivered', status }
  if (status === 410) return { outcome: 'gone', reason: '410 Gone: it wants no more messages' }
  if (status >= 300 && status < 400)
    return { outcome: 'retry', reason: `${status}: redirects are not followed` }
  const notBeforeMs = status === 429 || status === 503 ? retryAtMs(retryAfter, nowMs) : undefined
  return { outcome: 'retry', reason: `it answered ${status}`, ...(notBeforeMs ? { notBeforeMs } : {}) }
}

/** Retry-After (RFC 9110, 10.2.3): seconds, or a date. */
function retryAtMs(retryAfter: string | undefined, nowMs: number): number | undefined {
  if (retryAfter === undefined) return undefined
  if (/^\d{1,9}$/.test(retryAfter)) return nowMs + Number(retryAfter) * 1000
  const atMs = Date.parse(retryAfter)
  return Number.isNaN(atMs) ? undefined : atMs
}

/** No such request, erased, or not the card that was frozen; an address that may not be sent to: waiting mends none. */
const PERMANENT = [
  'UNKNOWN_REQUEST',
  'NOT_FOUND',
  'ERASED',
  'CARD_MISMATCH',
  'ADDRESS_REFUSED',
  'INVALID_INPUT',
]

function failure(error: unknown): Delivery {
  const code = error instanceof HoldpointError ? error.code : 'INTERNAL'
  const reason = `${code}: ${error instanceof Error ? error.message : String(error)}`
  return { outcome: PERMANENT.includes(code) ? 'refused' : 'retry', reason }
}
