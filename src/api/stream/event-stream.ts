/** Server-sent events (WHATWG HTML, 9.2) to one reader. */
export interface EventStream {
  readonly body: ReadableStream<Uint8Array>
  /** `data` as JSON, which has no line feeds that could end it. False where the reader was too slow, and is dropped. */
  send(event: string, id: string, data: unknown): boolean
  /** Keeps proxies from thinking that nobody is there. */
  beat(): void
  /** A last event, and the end. */
  end(event: string, data: unknown): void
}

/** A reader that is this far behind gets no more: it comes back, and is told how things stand. */
const ROOM_BYTES = 1024 * 1024

/** `onClosed` is called once, whoever closed it. */
export function createEventStream({ onClosed }: { onClosed: () => void }): EventStream {
  const encoder = new TextEncoder()
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const close = (how: (open: ReadableStreamDefaultController<Uint8Array>) => void): void => {
    const open = controller
    controller = undefined
    if (!open) return
    how(open)
    onClosed()
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start: (opened) => {
        controller = opened
      },
      cancel: () => close(() => {}),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: ROOM_BYTES }),
  )
  const write = (text: string): boolean => {
    if (!controller) return false
    if ((controller.desiredSize ?? 0) > 0) {
      controller.enqueue(encoder.encode(text))
      return true
    }
    close((open) => open.error(new Error('the reader is too slow')))
    return false
  }

  return {
    body,
    send: (event, id, data) => write(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`),
    beat: () => void write(': still here\n\n'),
    end(event, data) {
      write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
      close((open) => open.close())
    },
  }
}
