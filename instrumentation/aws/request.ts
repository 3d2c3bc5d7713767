import { digestBytes } from '#contract'
import { runCoveredRequest } from '../http/covered.ts'
import type { Call } from './call.ts'

/** `HttpRequest` of Smithy. */
export interface SmithyRequest {
  method: string
  protocol: string
  hostname: string
  port?: number
  path: string
  query?: Record<string, string | string[] | null>
  body?: unknown
}

export interface Configuration {
  requestHandler: { handle(request: SmithyRequest, ...more: unknown[]): Promise<unknown> }
  serviceId?: string
  region?: string | (() => Promise<string>)
}

/**
 * The client's configuration with the last step before the wire: there it is compared once more, and what Node's HTTP
 * client then sends of it, once for each attempt, is no action of its own.
 */
export function checkingHandler(configuration: Configuration, call: Call): Configuration {
  const { requestHandler } = configuration
  const handle = (request: SmithyRequest, ...more: unknown[]) => {
    if (!call.covers()) return requestHandler.handle(request, ...more)
    call.checkRequest(request)
    const { method, protocol, hostname, port } = request
    const origin = URL.parse(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`)?.origin ?? ''
    return runCoveredRequest({ method, origin, path: pathOf(request) }, () =>
      requestHandler.handle(request, ...more),
    )
  }
  const checked: unknown = Object.create(requestHandler, { handle: { value: handle } })
  // The SDK takes copies of its configuration, with what is its own.
  return new Proxy(configuration, {
    get: (target, name) => (name === 'requestHandler' ? checked : Reflect.get(target, name)),
  })
}

/** What it does, and to what; the host is the endpoint's, which the SDK may change. */
export interface Outline {
  line: string
  body: unknown
}

export const outlineOf = (request: SmithyRequest): Outline => ({
  line: `${request.method} ${pathOf(request)}`,
  // A copy: its bytes may be changed where they are.
  body: request.body instanceof Uint8Array ? digestBytes(request.body) : request.body,
})

/** As Smithy writes it on the request line. */
function pathOf({ path, query = {} }: SmithyRequest): string {
  const parts = Object.keys(query)
    .sort()
    .flatMap((name) => {
      const value = query[name]
      if (Array.isArray(value)) return value.map((one) => `${escapeUri(name)}=${escapeUri(one)}`)
      return typeof value === 'string' || value
        ? [`${escapeUri(name)}=${escapeUri(value)}`]
        : [escapeUri(name)]
    })
  return parts.length === 0 ? path : `${path}?${parts.join('&')}`
}

/** RFC 3986: `!'()*` are escaped as well. */
const escapeUri = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
