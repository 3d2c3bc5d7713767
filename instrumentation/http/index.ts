import type { Gate } from '#gate'
import type { Instrumentation } from '../instrumentation.ts'
import { gateAgent, gateClientRequest } from './client-request.ts'
import { remembering } from './connection.ts'
import { type Dispatch, gateDispatch } from './dispatch.ts'
import { gateHttp2, type NodeHttp2 } from './http2.ts'
import { createOwnTraffic } from './own-traffic.ts'
import { HoldpointRefused } from './refused.ts'
import type { Sent } from './sent.ts'

export { HoldpointRefused } from './refused.ts'

/**
 * HTTP by route: `fetch`, WebSocket and the package `undici` at the one method that all their requests go through;
 * `node:http` and `node:https` where a request gets its connection, and where its head is written.
 */
export const http: Instrumentation = {
  name: 'http',
  packages: { undici: '>=6 <9' },
  specifiers: ['node:http', 'node:http2', 'undici'],
  patch(exports, gate) {
    if ('createSecureServer' in exports) once(exports, () => gateHttp2(exports as unknown as NodeHttp2, gate))
    else if ('ClientRequest' in exports) patchNode(exports as unknown as NodeHttp, gate)
    else patchUndici(exports as unknown as Undici, gate)
  },
  patchGlobals(gate) {
    // Node reads its own undici when one of its classes is first looked at; from then on its agent stands here.
    void globalThis.Response
    const agent = AGENTS.map((name) => (globalThis as Record<symbol, unknown>)[Symbol.for(name)]).find(isBase)
    if (agent === undefined) throw new TypeError('holdpoint: this Node has no fetch that can be controlled')
    patchDispatch(Object.getPrototypeOf(Object.getPrototypeOf(agent)), gate)
    globalThis.fetch = surfacing(globalThis.fetch)
  },
}

const AGENTS = ['undici.globalDispatcher.2', 'undici.globalDispatcher.1'] as const

/** An agent of undici's own: its class stands right above the one that has `dispatch`. */
const isBase = (agent: unknown): agent is object =>
  typeof agent === 'object' &&
  agent !== null &&
  Object.hasOwn(Object.getPrototypeOf(Object.getPrototypeOf(agent)) ?? {}, 'dispatch') &&
  Object.hasOwn(Object.getPrototypeOf(Object.getPrototypeOf(agent)) ?? {}, 'destroyed')

interface NodeHttp {
  ClientRequest: { prototype: object }
  Agent: { prototype: object }
}
interface Undici {
  Agent: { prototype: object }
  fetch: typeof fetch
}

/** Read once, before the program can change it. */
const isOurs = createOwnTraffic(process.env)
const patched = new WeakSet<object>()

function once(target: object, patch: () => void): void {
  if (patched.has(target)) return
  patched.add(target)
  patch()
}

function patchUndici(exports: Undici, gate: Gate): void {
  const base = Object.getPrototypeOf(exports.Agent?.prototype ?? {}) as object
  patchDispatch(base, gate)
  once(exports, () => {
    const classes = exports as unknown as Record<string, object | undefined>
    for (const name of ['Agent', 'Client', 'Pool', 'BalancedPool', 'RoundRobinPool', 'H2CClient'])
      if (classes[name] !== undefined) classes[name] = remembering(classes[name])
    exports.fetch = surfacing(exports.fetch)
  })
}

function patchDispatch(base: { dispatch?: unknown }, gate: Gate): void {
  const { dispatch } = base
  if (typeof dispatch !== 'function' || !('destroyed' in base))
    throw new TypeError(
      'holdpoint: this version of undici has no method dispatch to control; it is not supported',
    )
  once(base, () => {
    base.dispatch = gateDispatch(dispatch as Dispatch, gate, isOurs)
  })
}

function patchNode({ ClientRequest, Agent }: NodeHttp, gate: Gate): void {
  once(Agent.prototype, () => gateAgent(Agent.prototype as never, gate, isOurs as (sent: Sent) => boolean))
  once(ClientRequest.prototype, () => gateClientRequest(ClientRequest.prototype as never, gate, isOurs))
}

/** `fetch` says "fetch failed" of whatever went wrong; a refusal has to be read. */
function surfacing(original: typeof fetch): typeof fetch {
  return async function fetch(...given: Parameters<typeof original>) {
    try {
      return await original(...given)
    } catch (error) {
      const cause = (error as { cause?: unknown } | undefined)?.cause
      if (!(cause instanceof HoldpointRefused)) throw error
      // The stack of whoever called it.
      Error.captureStackTrace(cause, fetch)
      throw cause
    }
  } as typeof original
}
