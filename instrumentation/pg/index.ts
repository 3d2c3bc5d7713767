import { createRequire } from 'node:module'
import { join } from 'node:path'
import { HoldpointError } from '#contract'
import type { Gate, GateAttempt, Refusal } from '#gate'
import { type Instrumentation, type Loaded, replaceMethod } from '../instrumentation.ts'
import { type Call, readCall } from './call.ts'
import { enqueue, isWaiting, whenIdle } from './lane.ts'
import type { Client, PrepareValue, Query } from './sdk.ts'
import { ruleQuery } from './statement.ts'

const CLIENTS = ['pg/lib/client.js', 'pg/lib/native/client.js']

/**
 * `Client.query` of `pg`, which its pools call as well: held before the query's own timeout starts, in the order of its
 * client. Inside an open transaction nothing is held, for a wait would keep its locks: there it runs, or is refused.
 */
export const pg: Instrumentation = {
  name: 'pg',
  packages: { pg: '>=8.23 <9' },
  // The files of the clients as well: whoever loads one alone never comes by the first.
  specifiers: ['pg', ...CLIENTS],
  patch(given, gate, loaded) {
    // As an ES module it names only some of what it exports.
    const exports = (given.default ?? given) as Record<string, unknown>
    const isClient = loaded !== undefined && CLIENTS.includes(loaded.specifier)
    const utils = isClient ? utilsOf(loaded) : exports.utils
    const prepare = (utils as { prepareValue?: PrepareValue } | undefined)?.prepareValue
    if (prepare === undefined)
      throw new TypeError(
        'holdpoint: this version of pg does not tell how it converts values; it is not supported',
      )
    if (isClient) return patchClient(exports, gate, prepare)
    patchClient(exports.Client, gate, prepare)
    patchNative(exports, gate, prepare)
  },
}

/** What that very copy has loaded for its client already. */
const utilsOf = ({ package: found }: Loaded): unknown =>
  found && createRequire(join(found.folder, 'package.json'))('./lib/utils.js')

function patchClient(target: unknown, gate: Gate, prepare: PrepareValue): void {
  replaceMethod(target, 'query', (original) => {
    const send = original as unknown as Query
    return function query(this: Client, ...given: unknown[]) {
      // pg's own error says what is missing.
      if (given[0] === null || given[0] === undefined) return send.apply(this, given as [unknown])
      return ruled(this, readCall(this, given, send, prepare), gate)
    } as never
  })
}

/** pg loads it when it is first asked for, and keeps it then. */
function patchNative(exports: Record<string, unknown>, gate: Gate, prepare: PrepareValue): void {
  const native = Object.getOwnPropertyDescriptor(exports, 'native')
  if (native?.get === undefined || !native.configurable) return
  Object.defineProperty(exports, 'native', {
    ...native,
    get() {
      const found = native.get?.call(exports) as { Client?: unknown } | null
      if (found) patchClient(found.Client, gate, prepare)
      return found
    },
  })
}

function ruled(client: Client, call: Call, gate: Gate): unknown {
  if (!isWaiting(client)) {
    const { attempt, foreseen } = ruleQuery(gate, client, call)
    const held = foreseen === 'run' ? gate.holdSync(attempt, call.send) : undefined
    if (held?.ran) return held.value
  }
  return call.answer(enqueue(client, () => inTurn(client, call, gate)))
}

/** Ruled on when its turn comes: what stands before it may open or end a transaction. */
async function inTurn(client: Client, call: Call, gate: Gate): Promise<unknown> {
  const { attempt, foreseen } = ruleQuery(gate, client, call)
  if (foreseen === 'ask') {
    await whenIdle(client)
    if (client._ended)
      throw new HoldpointError('APPROVAL_CANCELLED', 'The connection has ended; nobody was asked.')
    return client.getTransactionStatus?.() === 'I'
      ? holdQuery(client, call, attempt, gate)
      : refuseInside(attempt, gate)
  }
  const held = gate.holdSync(attempt, call.sendAndWait)
  if (held.ran) return held.value
  throw errorFor(held.refusal)
}

async function holdQuery(client: Client, call: Call, attempt: GateAttempt, gate: Gate): Promise<unknown> {
  const gone = new AbortController()
  const onEnd = () => gone.abort()
  client.once('end', onEnd)
  try {
    const held = await gate.hold({ ...attempt, signal: gone.signal }, call.sendAndWait)
    if (held.ran) return held.value
    throw errorFor(held.refusal)
  } finally {
    client.off('end', onEnd)
  }
}

function refuseInside(attempt: GateAttempt, gate: Gate): never {
  const held = gate.holdSync(attempt, () => {
    // Policy changed in this very moment; the caller may try again.
    throw new HoldpointError('APPROVAL_IMPOSSIBLE', WHY)
  })
  throw held.ran ? new HoldpointError('INTERNAL') : errorFor(held.refusal, WHY)
}

const WHY =
  'A transaction is open on this client, or may be, and a wait would keep its locks: send it before BEGIN or after the end, or by another client.'

const errorFor = ({ code, message }: Refusal, why?: string): HoldpointError =>
  new HoldpointError(code, why === undefined ? message : `${message} ${why}`)
