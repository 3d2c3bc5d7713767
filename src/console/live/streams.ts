import { HoldpointError } from '#contract'
import type { Session } from '#identity'

export interface StreamsConfig {
  heartbeatMs: number
  /** Browsers open six connections to one place over HTTP/1.1: what takes all of them stops the next page. */
  mostPerSession: number
  most: number
}

/** `position` is what the browser asks from when it comes back. */
export type Send = (event: string, data: unknown, position?: string) => void

export interface Viewer {
  sessionId: string
  session: Session
  /** The session as it is now, its token renewed; undefined once it has ended. */
  again(): Promise<Session | undefined>
  /** Aborted when the browser has gone. */
  signal: AbortSignal
}

/** Starts sending, with whoever it is for at that moment, and returns how to stop. */
export type Subscribe = (send: Send, session: () => Session) => () => void

export interface Streams {
  /** Throws TOO_MANY. */
  open(viewer: Viewer, subscribe: Subscribe): Response
  /** Signed out: what is open in other windows hears nothing more. */
  endAll(sessionId: string): void
}

/** What a reader that does not read may have waiting before it is cut off. */
const MOST_WAITING_BYTES = 512 * 1024

/** Server-sent events: bounded, ended with the session, and no longer than somebody reads them. */
export function createStreams({ heartbeatMs, mostPerSession, most }: StreamsConfig): Streams {
  // In the order in which they were opened.
  const open = new Set<{ sessionId: string; end(farewell?: string): void }>()

  function makeRoom(sessionId: string): void {
    const own = [...open].filter((one) => one.sessionId === sessionId)
    // The newest page is the one that somebody looks at; the oldest asks again when it is looked at.
    if (own.length >= mostPerSession) own[0]?.end('replaced')
    if (open.size >= most) throw new HoldpointError('TOO_MANY', 'too many pages are open at once')
  }

  function start(
    controller: ReadableStreamDefaultController<Uint8Array>,
    viewer: Viewer,
    subscribe: Subscribe,
  ): () => void {
    let { session } = viewer
    let isOpen = true
    let unsubscribe = (): void => {}
    const write = (text: string): void => {
      if (!isOpen) return
      if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(text))
      else entry.end()
    }
    const beat = setInterval(async () => {
      const now = await viewer.again().catch(() => session)
      if (now === undefined) return entry.end('signed-out')
      session = now
      write(': still here\n\n')
    }, heartbeatMs)
    beat.unref()
    const entry = {
      sessionId: viewer.sessionId,
      end(farewell?: string): void {
        if (!isOpen) return
        if (farewell !== undefined) write(`event: ${farewell}\ndata: {}\n\n`)
        isOpen = false
        clearInterval(beat)
        unsubscribe()
        open.delete(entry)
        try {
          controller.close()
        } catch {
          // The browser was quicker.
        }
      },
    }
    open.add(entry)
    viewer.signal.addEventListener('abort', () => entry.end(), { once: true })
    write('retry: 2000\n\n')
    const send: Send = (event, data, position) =>
      write(
        `${position === undefined ? '' : `id: ${position}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
      )
    try {
      unsubscribe = subscribe(send, () => session)
    } catch (error) {
      entry.end()
      throw error
    }
    // Ended by what it was sent at its very beginning, or gone before it: nobody would ever stop it.
    if (viewer.signal.aborted) entry.end()
    if (!isOpen) unsubscribe()
    return () => entry.end()
  }

  return {
    open(viewer, subscribe) {
      makeRoom(viewer.sessionId)
      let end = (): void => {}
      const body = new ReadableStream<Uint8Array>(
        {
          start(controller) {
            end = start(controller, viewer, subscribe)
          },
          cancel: () => end(),
        },
        new ByteLengthQueuingStrategy({ highWaterMark: MOST_WAITING_BYTES }),
      )
      return new Response(body, {
        headers: { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' },
      })
    },
    endAll(sessionId) {
      for (const one of [...open]) if (one.sessionId === sessionId) one.end('signed-out')
    },
  }
}

const encoder = new TextEncoder()
