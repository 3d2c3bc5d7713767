import type { Gate } from '#gate'
import { takeRequestCover } from './covered.ts'
import { attemptOf, judge } from './judge.ts'
import { HoldpointRefused } from './refused.ts'
import { readHeaders, type Sent } from './sent.ts'

interface Session {
  request(this: Session, headers?: unknown, ...more: unknown[]): unknown
}
export interface NodeHttp2 {
  connect(authority: string | URL, options?: unknown, ...more: unknown[]): Session
}

/** Where a session goes, and whether the program has made its connection. */
const sessions = new WeakMap<Session, Pick<Sent, 'origin' | 'isConnectedByProgram'>>()
const patched = new WeakSet<Session>()

/**
 * A request of `node:http2` gives its stream back at once, and its body is written later: it cannot wait. What policy
 * allows passes; the rest is refused, saying so.
 */
export function gateHttp2(exports: NodeHttp2, gate: Gate): void {
  const { connect } = exports
  exports.connect = function gated(authority, options, ...more) {
    const session = connect(authority, options, ...more)
    const { createConnection } =
      ((typeof options === 'object' ? options : undefined) as { createConnection?: unknown }) ?? {}
    const origin = URL.parse(String(authority))?.origin ?? String(authority)
    sessions.set(session, {
      origin,
      ...(createConnection === undefined ? {} : { isConnectedByProgram: true }),
    })
    gateSession(Object.getPrototypeOf(session), gate)
    return session
  }
}

/** The class is shown nowhere but in its first session. */
function gateSession(prototype: Session, gate: Gate): void {
  if (patched.has(prototype)) return
  patched.add(prototype)
  const { request } = prototype
  prototype.request = function gated(headers, ...more) {
    const send = () => request.call(this, headers, ...more)
    const sent = sentOf(this, headers)
    const { says, route } = judge(gate, sent, notWritten)
    if (says === 'allow' || takeRequestCover(sent)) return send()
    const held = gate.holdSync(attemptOf(sent, undefined, route), send)
    if (held.ran) return held.value
    throw new HoldpointRefused(held.refusal)
  }
}

function sentOf(session: Session, given: unknown): Sent {
  const all = readHeaders(given)
  const { origin, isConnectedByProgram } = sessions.get(session) ?? {
    origin: '?',
    isConnectedByProgram: true,
  }
  const authority = all.get(':authority')
  const headers = new Map([...all].filter(([name]) => !name.startsWith(':')))
  if (authority !== undefined) headers.set('host', authority)
  return {
    method: all.get(':method') ?? 'GET',
    path: all.get(':path') ?? '/',
    origin,
    headers,
    ...(isConnectedByProgram ? { isConnectedByProgram } : {}),
  }
}

const notWritten = (): never => {
  throw new TypeError('the body has not been written')
}
