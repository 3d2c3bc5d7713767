import {
  type Alarm,
  cardModel,
  isoTime,
  type TimelineEntry,
  type WebhookAlarm,
  type WebhookEvent,
  type WebhookMessage,
  type WebhookTest,
  WHOLE_CARD,
} from '#contract'
import type { ChannelDesk } from '#desk'
import type { WebhookEndpoint } from './endpoints.ts'
import { type Envelope, sign } from './secret.ts'

/** What there is to tell: of a request, `nth` where it happens more than once; or an alarm as it was raised. */
export type Occurrence =
  | { event: RequestEvent; requestId: string; nth?: number }
  | { event: 'alarm'; name: string; alarm: Alarm }

/** What an endpoint is sent, with the request as it is now: an event that had to wait brings no old state. */
export async function messageFor(
  occurrence: Occurrence,
  { name, answers }: Pick<WebhookEndpoint, 'name' | 'answers'>,
  { channelDesk, publicUrl }: { channelDesk: ChannelDesk; publicUrl: () => string },
): Promise<WebhookMessage | WebhookAlarm> {
  if (occurrence.event === 'alarm') {
    const { alarm } = occurrence
    return { type: 'alarm', timestamp: isoTime(alarm.atMs), data: alarm }
  }
  const { event, requestId, nth } = occurrence
  const { summary, card, renderHash, timeline } = await channelDesk.show(requestId)
  const stepMs = event === 'escalated' ? summary.escalate?.[(nth ?? 1) - 1]?.afterMs : undefined
  const atMs = stepMs === undefined ? happenedAtMs(event, timeline) : summary.requestedAtMs + stepMs
  return {
    type: `request.${event}`,
    timestamp: isoTime(atMs ?? summary.requestedAtMs),
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

/** What it is about, as subjects of events and dead letters have it. */
export const aboutOf = (occurrence: Occurrence): string => {
  if (occurrence.event === 'alarm') return occurrence.name
  const { requestId, nth } = occurrence
  return nth === undefined ? requestId : `${requestId}.${nth}`
}

/** The same for every attempt, so that a receiver knows what it has had already. A dot would end it in what is signed. */
export const messageId = (occurrence: Occurrence): string =>
  `${occurrence.event}_${aboutOf(occurrence).replaceAll('.', '_')}`

/** The same for every endpoint's name in the ledger, in streams and in logs. */
export const channelOf = (endpoint: string): string => `webhook:${endpoint}`

type RequestEvent = Exclude<WebhookEvent, 'alarm'>
const ENTRIES: Record<RequestEvent, readonly TimelineEntry['type'][]> = {
  escalated: [],
  opened: ['requested'],
  decided: ['decided'],
  ended: ['spent', 'outcome'],
}

const happenedAtMs = (event: RequestEvent, timeline: readonly TimelineEntry[]): number | undefined =>
  timeline.findLast(({ type }) => ENTRIES[event].includes(type))?.atMs

/** Body and headers as they go over the wire. */
export function signedPost(
  { url, secret }: WebhookEndpoint,
  id: string,
  message: WebhookMessage | WebhookAlarm | WebhookTest,
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
