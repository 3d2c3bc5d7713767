import { pathSpellings } from '#contract'
import type { Span } from '../../otlp/span.ts'
import type { PlainAction } from './action.ts'
import { firstOf, SPAN_KIND } from './attributes.ts'

export const HTTP_TELLING = ['http.', 'url.'] as const

/** A request as its client saw it. */
export interface HttpCall {
  /** `?` where it is not told. */
  method: string
  /** As servers may read it, without the query; one path in several spellings where they may differ. Empty: unknown. */
  paths: string[]
  origin?: string
  query: string
}

/**
 * A request that was sent: `DELETE /v1/customers/7` to an origin. A path that servers may read in several ways is
 * several requests, and none of them may be held.
 */
export function readHttp(span: Span): PlainAction[] {
  const call = httpCallOf(span)
  if (call === undefined) return []
  const { method, paths, origin } = call
  const where = origin === undefined ? {} : { target: origin }
  if (paths.length === 0) return [{ kind: 'http', names: [`${method} ?`], ...where, unsure: true }]
  return paths.map((path) => ({
    kind: 'http',
    names: [`${method} ${path}`],
    ...where,
    ...(method === '?' ? { unsure: true } : {}),
  }))
}

export function httpCallOf(span: Span): HttpCall | undefined {
  if (span.kind !== SPAN_KIND.client) return undefined
  const method = methodOf(span)
  const url = urlOf(span)
  if (method === undefined && firstOf(span, 'http.url', 'url.full') === undefined) return undefined
  return {
    method: method ?? '?',
    paths: url.path === undefined ? [] : pathSpellings(url.path),
    query: url.query ?? '',
    ...(url.origin === undefined ? {} : { origin: url.origin }),
  }
}

function methodOf(span: Span): string | undefined {
  const method = firstOf(span, 'http.request.method', 'http.method')
  // Instrumentations put _OTHER for what they do not know; what was sent stands beside it.
  const sent = method === '_OTHER' ? firstOf(span, 'http.request.method_original') : method
  return sent?.toUpperCase()
}

interface Place {
  origin?: string | undefined
  path?: string | undefined
  query?: string | undefined
}

function urlOf(span: Span): Place {
  const full = firstOf(span, 'url.full', 'http.url')
  const parsed = full === undefined ? null : URL.parse(full)
  if (parsed !== null) {
    // The parser takes out dot segments; what was sent may have had them, and a server may read them otherwise.
    const [, sent = parsed.pathname] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*([^?#]*)/is.exec(full as string) ?? []
    return { origin: parsed.origin, path: sent === '' ? '/' : sent, query: parsed.search.slice(1) }
  }
  const target = firstOf(span, 'http.target')
  const path = firstOf(span, 'url.path') ?? target?.split('?', 1)[0]
  const query = firstOf(span, 'url.query') ?? target?.split('?').slice(1).join('?')
  return { origin: originOf(span), path, query }
}

function originOf(span: Span): string | undefined {
  const host = firstOf(span, 'http.host', 'server.address', 'net.peer.name', 'http.server_name')
  if (host === undefined) return undefined
  const scheme = firstOf(span, 'url.scheme', 'http.scheme') ?? 'https'
  const port = /:\d+$/.test(host) ? undefined : firstOf(span, 'server.port', 'net.peer.port')
  return URL.parse(`${scheme}://${host}${port === undefined ? '' : `:${port}`}`)?.origin
}
