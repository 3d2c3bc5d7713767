import type { Context } from 'hono'
import { HoldpointError, type ListReply, object, optional, problemOf, text } from '#contract'
import type { Desk } from '#desk'
import type { Log } from '#runtime'
import { bearerOf } from '../bearer.ts'
import type { Measures } from '../measures.ts'
import { queryOf } from '../query.ts'
import { createEventStream, type EventStream } from '../stream/event-stream.ts'
import type { Every } from '../stream/every.ts'
import { createHub, type Heard } from '../stream/hub.ts'
import { createSlots } from '../stream/slots.ts'
import { expiryMsOf } from '../stream/token-expiry.ts'
import type { Route } from './route.ts'

const BEAT_MS = 15_000
const LOOK_AGAIN_MS = 60_000
const STREAM = 'text/event-stream'
const watchQueryShape = object({ request: optional(text({ min: 1, max: 200 })) })

export interface WatchConfig {
  maxStreams?: number
  maxStreamsPerToken?: number
}
interface WatchDeps {
  desk: Pick<Desk, 'list' | 'show' | 'watch'>
  now: () => number
  log: Log
  every: Every
  measures: Pick<Measures, 'streamOpened' | 'streamClosed'>
}

/** What happens, as it happens. A stream lives no longer than the token that opened it. */
export function createWatchRoutes(
  { maxStreams = 500, maxStreamsPerToken = 8 }: WatchConfig,
  { desk, now, log, every, measures }: WatchDeps,
): Route[] {
  const slots = createSlots({ inAll: maxStreams, perKey: maxStreamsPerToken })
  const hub = createHub({ desk, log })

  async function handle(c: Context): Promise<Response> {
    const token = bearerOf(c)
    const { request: only } = queryOf(c, watchQueryShape)
    const headers = { 'content-type': STREAM, 'x-accel-buffering': 'no' }
    // Nobody would read what comes after the head.
    if (c.req.method === 'HEAD') return standing(desk, token, only).then(() => c.body(null, 200, headers))

    const early: Heard[] = []
    let onHeard = (heard: Heard): void => void early.push(heard)
    // Listening comes first: what happens while the snapshot is made would be in neither.
    const stopListening = hub.listen((heard) => {
      if (only === undefined || heard.about === only) onHeard(heard)
    })
    let snapshot: ListReply
    let giveBack: () => void
    try {
      snapshot = await standing(desk, token, only)
      // Not before the broker knows the token: whoever made one up would take the places of everybody else.
      giveBack = slots.take(token)
    } catch (error) {
      stopListening()
      throw error
    }

    const timers: (() => void)[] = []
    measures.streamOpened()
    const stream = createEventStream({
      onClosed() {
        stopListening()
        giveBack()
        for (const stop of timers) stop()
        measures.streamClosed()
      },
    })
    const end = (error: unknown): void => stream.end('end', problemOf(error))
    const expiresAtMs = expiryMsOf(token) ?? Number.POSITIVE_INFINITY
    const whileValid = (work: () => void): void => (now() < expiresAtMs ? work() : end(expired()))
    onHeard = ({ event, id, data }) => whileValid(() => void stream.send(event, id, data))
    timers.push(
      every(BEAT_MS, () => whileValid(() => stream.beat())),
      every(LOOK_AGAIN_MS, () => void desk.list(token, { limit: 1 }).catch(end)),
    )
    begin(stream, snapshot, now())
    for (const heard of early) onHeard(heard)
    return c.body(stream.body, 200, headers)
  }

  return [{ method: 'GET', path: '/v1/events', produces: [STREAM], handle }]
}

/** How things stand: also for a reader that comes back (Last-Event-ID), since events can be lost. */
async function standing(
  desk: Pick<Desk, 'list' | 'show'>,
  token: string,
  only: string | undefined,
): Promise<ListReply> {
  if (only === undefined) return desk.list(token, { limit: 200 })
  const { summary } = await desk.show(token, only)
  return { requests: [summary], total: 1 }
}

const begin = (stream: EventStream, snapshot: ListReply, atMs: number): void =>
  void stream.send('snapshot', `snapshot.${atMs}`, snapshot)

const expired = (): HoldpointError => new HoldpointError('UNAUTHENTICATED', 'the token has expired')
