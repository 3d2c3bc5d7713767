import { isAnyArrayBuffer } from 'node:util/types'

/** As much of a held request's body as is kept until people have decided. */
export const MAX_BODY_BYTES = 1024 * 1024

/** Where nothing more can change it: the bytes. `undefined` is no body; throws where only reading it would tell. */
export function bytesAtHand(body: unknown): Uint8Array | undefined {
  if (body === null || body === undefined) return undefined
  if (typeof body === 'string') return Buffer.from(body)
  if (ArrayBuffer.isView(body)) return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (isAnyArrayBuffer(body)) return Buffer.from(body)
  throw new TypeError('the body has not been read')
}

export interface Taken {
  bytes: Uint8Array | undefined
  /** Where the body itself says what it is, as a form does. */
  contentType?: string
}

/** A copy of the whole body, whatever it comes as; undefined where it is too long. Rejects with what the source throws. */
export async function takeBody(body: unknown, signal: AbortSignal): Promise<Taken | undefined> {
  if (body instanceof FormData || body instanceof Blob || isForm(body)) return takeForm(body as FormData)
  if (body === null || typeof body !== 'object' || ArrayBuffer.isView(body) || isAnyArrayBuffer(body)) {
    const bytes = bytesAtHand(body)
    if (bytes === undefined) return { bytes }
    return bytes.length > MAX_BODY_BYTES ? undefined : { bytes: Uint8Array.from(bytes) }
  }
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of unlessAborted(body as AsyncIterable<unknown>, signal)) {
    const bytes = Uint8Array.from(bytesAtHand(chunk) ?? [])
    length += bytes.length
    if (length > MAX_BODY_BYTES) return undefined
    chunks.push(bytes)
  }
  return { bytes: Buffer.concat(chunks) }
}

/** A form of another copy of undici. */
const isForm = (body: unknown): boolean =>
  (body as { [Symbol.toStringTag]?: unknown } | null)?.[Symbol.toStringTag] === 'FormData'

async function takeForm(form: FormData | Blob): Promise<Taken | undefined> {
  if (form instanceof Blob && form.size > MAX_BODY_BYTES) return undefined
  const whole = new Response(form)
  const bytes = new Uint8Array(await whole.arrayBuffer())
  if (bytes.length > MAX_BODY_BYTES) return undefined
  const contentType = whole.headers.get('content-type')
  return { bytes, ...(contentType === null ? {} : { contentType }) }
}

/** A source that has stalled must not keep a caller that has gone. */
async function* unlessAborted(source: AsyncIterable<unknown> | Iterable<unknown>, signal: AbortSignal) {
  const chunks =
    Symbol.asyncIterator in source
      ? source[Symbol.asyncIterator]()
      : (source as Iterable<unknown>)[Symbol.iterator]()
  const { promise: gone, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  try {
    signal.throwIfAborted()
    for (;;) {
      const { done, value } = await Promise.race([chunks.next(), gone])
      if (done) return
      yield value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    gone.catch(() => {})
    void Promise.resolve(chunks.return?.()).catch(() => {})
  }
}
