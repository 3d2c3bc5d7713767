import { isUtf8 } from 'node:buffer'
import { createHmac, randomBytes } from 'node:crypto'
import { digestBytes, type JsonValue, parseJson } from '#contract'
import { type Sent, urlOf } from './sent.ts'

/** A longer text is no longer read by people; its digest and length stand for it. */
const MAX_SHOWN_BYTES = 256 * 1024

/** What says nothing of whoever sends it, and changes what the request does. All others are bound by a digest alone. */
const SHOWN: ReadonlySet<string> = new Set([
  'accept',
  'content-disposition',
  'content-encoding',
  'content-type',
  'depth',
  'destination',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-unmodified-since',
  'overwrite',
  'prefer',
  'range',
  'soapaction',
  'x-amz-target',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
])

/** Made anew for each sending, by tracing and by the client itself: bound, no two requests would ever be the same. */
const UNBOUND: ReadonlySet<string> = new Set([
  'b3',
  'baggage',
  'connection',
  'content-length',
  'traceparent',
  'tracestate',
  'transfer-encoding',
  'x-amzn-trace-id',
])

/** Of this process alone: nobody who may read the arguments finds a password by trying out digests. */
const KEY = randomBytes(32)

/**
 * What people approve: `{ method, url, headers, headersDigest, body, bodyDigest, bodyBytes }`. `body` is JSON where the
 * request says so and no parser could read it otherwise, else text; absent where it is neither, or too long to be read.
 */
export function argumentsOf(sent: Sent, body: Uint8Array | undefined): Record<string, JsonValue> {
  return { method: sent.method.toUpperCase(), url: urlOf(sent), ...headersOf(sent), ...bodyOf(sent, body) }
}

/**
 * The same for a condition of the policy: nothing of it is made unless one looks. Throws then, where nobody knows the body.
 */
export const foreseenArguments = (sent: Sent, body: () => Uint8Array | undefined): object =>
  new Proxy<Unmade>({ sent, body }, MAKING)

interface Unmade {
  sent: Sent
  body(): Uint8Array | undefined
  made?: Record<string, JsonValue>
}

const make = (unmade: Unmade): Record<string, JsonValue> =>
  (unmade.made ??= argumentsOf(unmade.sent, unmade.body()))

const MAKING: ProxyHandler<Unmade> = {
  get: (unmade, name) => make(unmade)[name as string],
  has: (unmade, name) => name in make(unmade),
  ownKeys: (unmade) => Object.keys(make(unmade)),
  getOwnPropertyDescriptor(unmade, name) {
    const found = Object.getOwnPropertyDescriptor(make(unmade), name)
    return found && { ...found, configurable: true }
  },
}

function headersOf({ headers }: Sent): Record<string, JsonValue> {
  const shown: Record<string, string> = {}
  const hidden: [string, string][] = []
  for (const [name, value] of headers)
    if (SHOWN.has(name)) shown[name] = value.toWellFormed()
    else if (!UNBOUND.has(name)) hidden.push([name, value])
  hidden.sort(([one], [other]) => (one < other ? -1 : 1))
  const digest = () => createHmac('sha256', KEY).update(JSON.stringify(hidden)).digest('hex')
  return {
    ...(Object.keys(shown).length === 0 ? {} : { headers: shown }),
    ...(hidden.length === 0 ? {} : { headersDigest: `hmac-sha-256:${digest()}` }),
  }
}

function bodyOf({ headers }: Sent, body: Uint8Array | undefined): Record<string, JsonValue> {
  if (body === undefined || body.length === 0) return {}
  const bound = { bodyDigest: digestBytes(body), bodyBytes: body.length }
  if (body.length > MAX_SHOWN_BYTES || !isUtf8(body) || headers.has('content-encoding')) return bound
  const text = Buffer.from(body).toString('utf8')
  return { body: /[/+]json\b/i.test(headers.get('content-type') ?? '') ? jsonOr(text) : text, ...bound }
}

function jsonOr(text: string): JsonValue {
  try {
    return parseJson(text)
  } catch {
    return text
  }
}
