import type { Gate } from '#gate'
import { bytesAtHand } from './body.ts'
import { type Connected, connectedTo } from './connection.ts'
import { takeRequestCover } from './covered.ts'
import { type Handler, holdDispatch, isReleased } from './held-dispatch.ts'
import { attemptOf, judge } from './judge.ts'
import { originOf, readHeaders, type Sent } from './sent.ts'

/** What undici's dispatchers are given for one request. */
export interface DispatchOptions {
  origin?: string | URL | null
  path: string
  method?: string
  headers?: unknown
  body?: unknown
  upgrade?: unknown
}
export type Dispatch = (this: object, options: DispatchOptions, handler: Handler) => boolean

/** Where requests were let go to. A proxy's tunnel there is a part of them: what goes through it is ruled on by itself. */
const reached = new Set<string>()
const MAX_REACHED = 10_000

function reach(address: string): void {
  if (reached.has(address)) return
  if (reached.size >= MAX_REACHED) reached.clear()
  reached.add(address)
}

const isTunnel = ({ method, path }: Sent): boolean =>
  method === 'CONNECT' &&
  ['https', 'http'].some((scheme) => reached.has(originOf(`${scheme}://${path.replace(/^\//, '')}`) ?? ''))

/** What has just been ruled on, on its way down from an agent to the pool and the client that send it. */
let passing: { options: DispatchOptions; handler: Handler; address: string } | undefined

/**
 * Every request of undici, and so of `fetch`, goes through `dispatch`: redirects, retries and the opening of a WebSocket
 * each as one of its own. What policy allows passes as it came, synchronously.
 */
export function gateDispatch(dispatch: Dispatch, gate: Gate, isOurs: (sent: Sent) => boolean): Dispatch {
  return function gated(options, handler) {
    const connected = connectedTo(this)
    // An agent's pools and clients get what it was given, unless the program's own factory sends it elsewhere.
    const address = connected.bound ?? addressOf(options?.origin)
    const sent = sentOf(options, connected, address)
    // Undici refuses it by itself, or hands it to a dispatcher that knows where it goes.
    if (sent === undefined || address === undefined) return dispatch.call(this, options, handler)
    const isRuledOn =
      passing?.options === options && passing.handler === handler && passing.address === address
    if (isRuledOn || isReleased(handler, address, options)) return dispatch.call(this, options, handler)
    const pass = () => {
      const before = passing
      passing = { options, handler, address }
      reach(address)
      try {
        return dispatch.call(this, options, handler)
      } finally {
        passing = before
      }
    }

    const { says, route } = judge(gate, sent, () => bytesAtHand(options.body))
    if (says === 'allow' || takeRequestCover(sent) || isOurs(sent) || isTunnel(sent)) return pass()
    if (says === 'observe') {
      const held = gate.holdSync(attemptOf(sent, undefined, route), pass)
      if (held.ran) return held.value
    }
    const send = (one: DispatchOptions, to: Handler) => {
      reach(address)
      return dispatch.call(this, one, to)
    }
    return holdDispatch({ gate, sent, address, options, handler, send })
  }
}

function sentOf(
  options: DispatchOptions | undefined,
  { bound, socketPath, isByProgram }: Connected,
  address: string | undefined,
): Sent | undefined {
  if (typeof options?.path !== 'string' || address === undefined) return undefined
  const headers = readHeaders(options.headers)
  const named = bound === undefined ? undefined : addressOf(options.origin)
  // Without a header of its own, `Host` is that of the origin that the request names.
  if (named !== undefined && named !== address && !headers.has('host'))
    headers.set('host', new URL(named).host)
  return {
    method: String(options.method ?? 'GET'),
    origin: socketPath === undefined ? address : `unix:${socketPath}`,
    path: options.path,
    headers,
    ...(isByProgram ? { isConnectedByProgram: true } : {}),
  }
}

const addressOf = (given: unknown): string | undefined =>
  given === undefined || given === null ? undefined : originOf(String(given))
