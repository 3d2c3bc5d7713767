import type { Foreseen, Gate, GateAttempt } from '#gate'
import { argumentsOf, foreseenArguments } from './arguments.ts'
import { doubtOf, type Route, routesOf } from './routes.ts'
import type { Sent } from './sent.ts'

/** The strictest counts: nobody can tell which of its readings the server will choose. */
const STRICTNESS: readonly Foreseen[] = ['allow', 'observe', 'hold', 'deny', 'unknown']

export interface Judgement {
  says: Foreseen
  /** The reading on which it says so. */
  route: Route
}

/**
 * Rules on a request in this process; its body is looked at only where a condition of the policy does. Throws nothing.
 */
export function judge(gate: Gate, sent: Sent, body: () => Uint8Array | undefined): Judgement {
  const given = foreseenArguments(sent, body)
  let strictest: Judgement | undefined
  for (const route of routesOf(sent)) {
    const says = gate.foresee({ kind: 'http', ...route, arguments: given })
    if (strictest === undefined || STRICTNESS.indexOf(says) > STRICTNESS.indexOf(strictest.says))
      strictest = { says, route }
  }
  return strictest as Judgement
}

/** What people are asked. The reading is the one that policy is strictest with, and they are told of the others. */
export function attemptOf(sent: Sent, body: Uint8Array | undefined, route: Route): GateAttempt {
  const doubt = doubtOf(sent)
  return {
    kind: 'http',
    ...route,
    arguments: argumentsOf(sent, body),
    ...(doubt === undefined ? {} : { doubt }),
    failureIn: (status) => (typeof status === 'number' && status >= 400 ? String(status) : undefined),
  }
}
