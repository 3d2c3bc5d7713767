/** One request, as it is about to go to the wire. */
export interface Sent {
  method: string
  /** Where the connection goes: a URL's origin, or `unix:/run/docker.sock`. */
  origin: string
  /** As in the request line, with the query. */
  path: string
  /** By names in lower case. */
  headers: ReadonlyMap<string, string>
  /** The program makes the connection by itself: the origin is its word. */
  isConnectedByProgram?: boolean
}

/** Fields of a URL that a path may be given with are resolved; userinfo is a secret and no part of the address. */
export const urlOf = ({ origin, path }: Sent): string =>
  /^https?:\/\//i.test(path) ? withoutUser(path) : `${origin}${/^[/*]/.test(path) ? '' : '/'}${path}`

const withoutUser = (url: string): string => url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, '$1')

const origins = new Map<string, string | undefined>()
const MAX_ORIGINS = 1_000

/** Of a URL; undefined where it is none. There are few of them, and each request asks for several. */
export function originOf(url: string): string | undefined {
  if (origins.has(url)) return origins.get(url)
  if (origins.size >= MAX_ORIGINS) origins.clear()
  const origin = URL.parse(url)?.origin
  origins.set(url, origin)
  return origin
}

type Value = string | readonly string[] | undefined | null

/** Every form in which undici and Node take headers: flat lists, pairs, objects, `Headers`. */
export function readHeaders(given: unknown): Map<string, string> {
  const headers = new Map<string, string>()
  const add = (name: unknown, value: unknown) => {
    const key = String(name).toLowerCase()
    const text = Array.isArray(value) ? value.join(', ') : String(value)
    const before = headers.get(key)
    headers.set(key, before === undefined ? text : `${before}, ${text}`)
  }
  if (given === null || given === undefined) return headers
  if (Array.isArray(given) && !Array.isArray(given[0])) {
    for (let at = 0; at + 1 < given.length; at += 2) add(given[at], given[at + 1])
    return headers
  }
  const isIterable = typeof (given as Iterable<unknown>)[Symbol.iterator] === 'function'
  const pairs = isIterable ? (given as Iterable<[string, Value]>) : Object.entries(given as object)
  for (const [name, value] of pairs) if (value !== undefined && value !== null) add(name, value)
  return headers
}
