import type { Socket } from 'node:net'
import type { Gate, GateAttempt } from '#gate'
import { spanOpenedFor } from '../same-span.ts'
import { takeRequestCover } from './covered.ts'
import { holdRequest } from './held-request.ts'
import { attemptOf, judge } from './judge.ts'
import {
  type AgentLike,
  type ClientRequest,
  type ConnectOptions,
  type Destination,
  destinationOf,
  fingerprintOf,
  sentOf,
  unknownDestination,
} from './node-request.ts'
import { HoldpointRefused } from './refused.ts'
import { type Sent, urlOf } from './sent.ts'

/** What was ruled on, by the request: where it goes, and what its head said then. */
const ruled = new WeakMap<ClientRequest, { to: Destination; head: string }>()

type IsOurs = (sent: Sent) => boolean
type AddRequest = (
  this: AgentLike,
  request: ClientRequest,
  options: ConnectOptions,
  ...legacy: unknown[]
) => void

/**
 * An agent is asked for a connection from within the constructor of every request, whoever calls it, by whatever name:
 * what policy allows gets it at once, anything else when people have allowed it.
 */
export function gateAgent(prototype: { addRequest: AddRequest }, gate: Gate, isOurs: IsOurs): void {
  const { addRequest } = prototype
  prototype.addRequest = function gated(request, options, ...legacy) {
    const connect = () => addRequest.call(this, request, options, ...legacy)
    const given = typeof options === 'string' ? { host: options, port: legacy[0] as number } : options
    ruleOn(request, destinationOf(request, this, given), connect, { gate, isOurs })
  }
}

interface RequestPrototype {
  onSocket(this: ClientRequest, socket: Socket | null, error?: Error): void
  _implicitHeader(this: ClientRequest): void
}

export function gateClientRequest(prototype: RequestPrototype, gate: Gate, isOurs: IsOurs): void {
  const { onSocket, _implicitHeader } = prototype
  /** Requests whose connection no agent of Node's has made: it is there already, and nothing goes over it. */
  prototype.onSocket = function gated(socket, error) {
    const connect = () => onSocket.call(this, socket, error)
    if (socket === null || socket === undefined || error || ruled.has(this)) return connect()
    ruleOn(this, unknownDestination(this), connect, { gate, isOurs, socket })
  }
  /** The head is written: what was changed since its ruling is ruled on again, and cannot wait any more. */
  prototype._implicitHeader = function gated() {
    const before = ruled.get(this)
    if (before !== undefined && before.head !== fingerprintOf(this)) {
      const sent = sentOf(this, before.to)
      const { says, route } = judge(gate, sent, notRead)
      if (says !== 'allow' && says !== 'observe') throw refuseChanged(this, route.name)
    }
    _implicitHeader.call(this)
  }
}

function refuseChanged(request: ClientRequest, name: string): HoldpointRefused {
  const error = new HoldpointRefused({
    code: 'APPROVAL_IMPOSSIBLE',
    message:
      `${name} was not sent (APPROVAL_IMPOSSIBLE). The request was changed into it after it had been allowed as another ` +
      'one, and people would have to be asked first. Give method, path and headers when the request is made.',
  })
  request.destroy(error)
  return error
}

interface Means {
  gate: Gate
  isOurs: IsOurs
  socket?: Socket
}

function ruleOn(request: ClientRequest, to: Destination, connect: () => void, means: Means): void {
  const { gate, isOurs, socket } = means
  const pass = () => {
    ruled.set(request, { to, head: fingerprintOf(request) })
    connect()
  }
  const sent = sentOf(request, to)
  const { says, route } = judge(gate, sent, notRead)
  if (says === 'allow' || takeRequestCover(sent) || isOurs(sent)) pass()
  else {
    const annotate = spanOf(sent)
    const observed = { ...attemptOf(sent, undefined, route), ...annotate }
    if (says !== 'observe' || !gate.holdSync(observed, pass).ran)
      holdRequest({ gate, request, to, connect: pass, annotate, ...(socket === undefined ? {} : { socket }) })
  }
}

/** That of an instrumentation which wraps `http.request`. */
function spanOf(sent: Sent): Pick<GateAttempt, 'annotate'> {
  const span = spanOpenedFor([
    [['http.request.method', 'http.method'], sent.method],
    [['url.full', 'http.url'], urlOf(sent)],
  ])
  return span === undefined ? {} : { annotate: span }
}

/** It is written after the request has been made. */
const notRead = (): never => {
  throw new TypeError('the body has not been written')
}
