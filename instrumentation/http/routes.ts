import { isAmbiguousPath, pathSpellings } from '#contract'
import { originOf, type Sent } from './sent.ts'

/** One way to read a request: what policy is asked about. */
export interface Route {
  /** `DELETE /v1/customers/7`; no query. */
  name: string
  /** Absent where it cannot be told where it goes. */
  target?: string
}

/** Longer names match no pattern that anybody writes, and no request may carry one. */
const MAX_NAME_CHARS = 500

/**
 * All the ways in which the servers on its way may read a request, the plainest first. Mostly it is one. A policy must
 * not be dodged by spelling a path, a method or a host in another way, so the strictest ruling on any of them counts.
 */
export function routesOf(sent: Sent): [Route, ...Route[]] {
  const { methods, paths, targets } = readingsOf(sent)
  const routes = methods.flatMap((method) =>
    paths.flatMap((path) =>
      targets.map((target) => ({
        name: `${method} ${path}`.slice(0, MAX_NAME_CHARS),
        ...(target === undefined ? {} : { target }),
      })),
    ),
  )
  return routes as [Route, ...Route[]]
}

/** In words for whoever is asked; undefined where there is only one way to read it. */
export function doubtOf(sent: Sent): string | undefined {
  const { methods, targets, inner } = readingsOf(sent)
  const doubts = [
    ...(methods.length > 1
      ? [`A header makes servers take the method for ${methods.slice(1).join(' or ')}.`]
      : []),
    ...(isAmbiguousPath(inner)
      ? [`Servers read the path ${JSON.stringify(inner.slice(0, 200))} in different ways.`]
      : []),
    ...(sent.isConnectedByProgram ? ['The program itself makes the connection: it may go anywhere.'] : []),
    ...(targets.filter((one) => one !== undefined).length > 1
      ? [`It names several hosts: ${targets.filter((one) => one !== undefined).join(', ')}.`]
      : []),
  ]
  return doubts.length === 0 ? undefined : doubts.join(' ')
}

interface Readings {
  methods: string[]
  paths: string[]
  targets: (string | undefined)[]
  /** The path as sent, without the query and, in absolute form, the origin. */
  inner: string
}

function readingsOf(sent: Sent): Readings {
  const method = sent.method.toUpperCase()
  if (method === 'CONNECT')
    return {
      methods: [method],
      paths: [sent.path.replace(/^\//, '')],
      targets: targetsOf(sent, []),
      inner: '',
    }
  const [, absolute, rest = sent.path] = /^(https?:\/\/[^/?#]*)(.*)$/is.exec(sent.path) ?? []
  const path = rest.split('?', 1)[0] || '/'
  const inner = path.startsWith('/') || path === '*' ? path : `/${path}`
  return {
    methods: [...new Set([method, ...valuesOf(sent, METHOD_OVERRIDES).map((one) => one.toUpperCase())])],
    paths: [
      ...new Set(
        [inner, ...valuesOf(sent, PATH_OVERRIDES).map(withoutQuery)].flatMap((one) =>
          pathSpellings(one).reverse(),
        ),
      ),
    ],
    targets: targetsOf(sent, absolute === undefined ? [] : [absolute]),
    inner,
  }
}

const withoutQuery = (path: string): string => path.split('?', 1)[0] ?? ''

const METHOD_OVERRIDES = ['x-http-method-override', 'x-http-method', 'x-method-override'] as const
const PATH_OVERRIDES = ['x-original-url', 'x-rewrite-url'] as const

const valuesOf = ({ headers }: Sent, names: readonly string[]): string[] =>
  names.flatMap((name) => headers.get(name)?.trim() || [])

/** Where it connects, whom it names in `Host`, and whom a proxy is told to ask. */
function targetsOf(
  { origin, headers, isConnectedByProgram }: Sent,
  absolute: string[],
): (string | undefined)[] {
  const scheme = origin.startsWith('http') ? origin.slice(0, origin.indexOf(':')) : undefined
  const host = headers.get('host')
  const named = host === undefined || scheme === undefined ? [] : [`${scheme}://${host}`]
  // What is asked of a proxy is for whom it asks: that comes first.
  const origins = [...absolute.map(originIn), origin, ...named.map(originIn)]
  const rooted = origins.map((one) => one.replace(/\.(?=:\d+$|$)/, ''))
  return [...new Set([...rooted, ...origins, ...(isConnectedByProgram ? [undefined] : [])])]
}

const originIn = (url: string): string => originOf(url) ?? url
