import { cardModel, type TimelineEntry, type WebhookMessage, type WebhookTest, WHOLE_CARD } from '#contract'
import type { ChannelDesk } from '#desk'
import type { WebhookEndpoint, WebhookEvent } from './endpoints.ts'
import { type Envelope, sign } from './secret.ts'

/** What an endpoint is sent, with the request as it is now: an event that had to wait brings no old state. */
export async function messageFor(
  event: WebhookEvent,
  requestId: string,
  { name, answers }: Pick<WebhookEndpoint, 'name' | 'answers'>,
  { channelDesk, publicUrl }: { channelDesk: ChannelDesk; publicUrl: () => string },
): Promise<WebhookMessage> {
  const { summary, card, renderHash, timeline } = await channelDesk.show(requestId)
  return {
    type: `request.${event}`,
    timestamp: new Date(happenedAtMs(event, timeline) ?? summary.requestedAtMs).toISOString(),
    data: {
      request: summary,
      card,
      model: cardModel(card, WHOLE_CARD),
      renderHash,
      timeline,
      url: `${publicUrl()}/requests/${encodeURIComponent(requestId)}`,
      ...(answers ? { answerUrl: `${publicUrl()}${answerPath(name)}` } : {}),
    },
  }
}

export const answerPath = (name: string): string => `/v1/webhooks/${name}/reviews`

/** The same for every attempt, so that a receiver knows what it has had already. */
export const messageId = (event: WebhookEvent, requestId: string): string => `${event}_${requestId}`

/** The same for every endpoint's name in the ledger, in streams and in logs. */
export const channelOf = (endpoint: string): string => `webhook:${endpoint}`

const ENTRIES: Record<WebhookEvent, readonly TimelineEntry['type'][]> = {
  opened: ['requested'],
  decided: ['decided'],
  ended: ['spent', 'outcome'],
}

const happenedAtMs = (event: WebhookEvent, timeline: readonly TimelineEntry[]): number | undefined =>
  timeline.findLast(({ type }) => ENTRIES[event].includes(type))?.atMs

/** Body and headers as they go over the wire. */
export function signedPost(
  { url, secret }: WebhookEndpoint,
  id: string,
  message: WebhookMessage | WebhookTest,
  nowMs: number,
): { url: string; headers: Record<string, string>; body: string } {
  const body = JSON.stringify(message)
  const envelope: Envelope = { id, timestamp: Math.floor(nowMs / 1000) }
  return {
    url,
    body,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Holdpoint-Webhooks',
      ...sign(secret, envelope, body),
    },
  }
}
