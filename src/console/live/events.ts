import type { Hono } from 'hono'
import { type RequestFilter, type RequestSummary, visibleLine } from '#contract'
import type { Session } from '#identity'
import type { Env, Parts } from '../context.ts'
import { STATES, short } from '../html/words.ts'
import { alarmItem } from '../pages/alarms.ts'
import { readFilter } from '../pages/filter.ts'
import { requestRow } from '../pages/request-row.ts'
import { statusPart } from '../pages/status.ts'
import type { Heard, HeardRequest } from './hub.ts'
import type { Send, Streams } from './streams.ts'

/** `/events?request=ID` follows one request; otherwise what matches the filter of a list. */
export function eventRoutes(app: Hono<Env>, parts: Parts, streams: Streams): void {
  app.get('/events', (c) => {
    // A HEAD that opened a stream would keep it: nobody reads its body.
    if (c.req.method === 'HEAD') return c.body(null, 200, { 'content-type': 'text/event-stream' })
    const request = c.req.query('request')
    const filter = request === undefined ? readFilter(c.req.query()) : {}
    const browser = c.req.header('user-agent') ?? ''
    const sessionId = c.get('sessionId')
    const viewer = {
      sessionId,
      session: c.get('session'),
      again: () => parts.sessions.peek(sessionId, browser),
      signal: c.req.raw.signal,
    }
    // A browser that comes back after a cut says itself how far it had come.
    const after = c.req.header('last-event-id') ?? c.req.query('since')
    return streams.open(viewer, (send, session) => {
      send('ready', {})
      const tell =
        request === undefined
          ? rowSender(parts, filter, send, session)
          : statusSender(parts, request, send, session)
      const listener: Listener = (heard) => {
        if (heard.event !== 'alarm') return tell(heard)
        const { alarm, id, position } = heard
        send('alarm', { id, html: String(alarmItem(heard)), say: visibleLine(alarm.text) }, position)
      }
      const { isStale, stop } = parts.hub.listen(listener, after)
      if (isStale) send('stale', {})
      return stop
    })
  })
}

type Listener = (heard: Heard) => void

type Teller = (heard: HeardRequest) => void

const statusSender =
  (parts: Parts, requestId: string, send: Send, session: () => Session): Teller =>
  ({ request, position }) => {
    if (request.requestId !== requestId) return
    const html = String(statusPart(request, session().person, parts.now()))
    send('status', { html, isPending: request.state === 'pending', say: sentence(request) }, position)
  }

function rowSender(parts: Parts, filter: RequestFilter, send: Send, session: () => Session): Teller {
  const sendRow = async ({ event, request, position }: HeardRequest): Promise<void> => {
    const isPending = request.state === 'pending'
    const isMine = isPending && (await isFor(parts, session(), request.requestId))
    const row = {
      id: request.requestId,
      html: String(requestRow(request, parts.now())),
      isMine,
      isPending,
      isNew: event === 'opened' && isPending,
      say: sentence(request),
    }
    send('row', row, position)
  }
  // One after the other: what waits for the broker must not overtake a decision.
  let last = Promise.resolve()
  return (heard) => {
    if (!matches(filter, heard.request)) return
    last = last
      .then(() => sendRow(heard))
      .catch((error: unknown) => {
        // One row that cannot be made must stop neither the others nor this process.
        parts.log.error('a row could not be sent', { requestId: heard.request.requestId, error })
      })
  }
}

/** Whether it is for this person is the broker's to say; where it does not, the row stands with the others. */
async function isFor({ desk, log }: Parts, { token }: Session, requestId: string): Promise<boolean> {
  try {
    const { requests } = await desk.list(token, { text: requestId, reviewable: true, limit: 2 })
    return requests.some((one) => one.requestId === requestId)
  } catch (error) {
    log.warn('nobody said whom a new request is for', { requestId, error })
    return false
  }
}

const sentence = (request: RequestSummary): string =>
  `${request.state === 'pending' ? 'Waiting' : STATES[request.state].word}: ${short(request.name)}, asked by ${short(request.agent)}`

/** As the broker filters lists. */
function matches(filter: RequestFilter, request: RequestSummary): boolean {
  const { agent, environment, kind, risk, rule, text } = filter
  const same = (wanted: string | undefined, ...found: (string | undefined)[]): boolean =>
    wanted === undefined || found.some((one) => one?.toLowerCase() === wanted.toLowerCase())
  const { requestId, name, target } = request
  const searched = [requestId, request.agent, request.agentId, name, target ?? '', request.rule]
  return (
    same(agent, request.agent, request.agentId) &&
    same(environment, request.environment) &&
    same(kind, request.kind) &&
    same(risk, request.risk) &&
    same(rule, request.rule) &&
    (text === undefined || searched.some((one) => one.toLowerCase().includes(text.toLowerCase())))
  )
}
