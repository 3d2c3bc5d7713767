import { ERROR_CODES, freezeJson, HoldpointError } from '#contract'
import type { Authority } from './authority.ts'
import type { Connect } from './connection.ts'
import { createFreeze } from './freeze.ts'
import { createOutcomes } from './outcomes.ts'
import { readProof } from './proof.ts'
import { spendHere } from './release.ts'
import { createRelease, type Release } from './resource-release.ts'
import type { Resource, ResourceAction, ResourceConfig, ResourceRefusal } from './resource-types.ts'
import { verifyFor } from './resource-verify.ts'
import { takeArguments } from './rule.ts'
import { createSession } from './session.ts'
import { createWaiting } from './wait.ts'

export interface ResourceDeps {
  now: () => number
  connect?: Connect
}

const REQUEST_TIMEOUT_MS = 5_000
const STOP_TIMEOUT_MS = 2_000

/**
 * The verifying side of an approval, in the process of the service that would be harmed. Replicas share one
 * registration: whichever spends an approval first has it. Throws INVALID_CONFIG for a pin that is none; nothing else
 * is checked, connected or read before `start`.
 */
export function createResource(config: ResourceConfig, deps: ResourceDeps): Resource {
  const timeoutMs = config.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
  const waiting = createWaiting()
  const freeze = createFreeze({ waiting })
  const session = createSession(config, { now: deps.now, connect: deps.connect, waiting, freeze })
  const { trust, connection, process } = session
  const outcomes = createOutcomes({ connection })
  const stopping = new AbortController()

  async function authority(): Promise<Authority> {
    const current = session.authority() ?? (await session.authoritySoon(timeoutMs, stopping.signal))
    if (current === undefined) throw new HoldpointError('BROKER_UNAVAILABLE')
    const { enforcement } = current.registration
    if (enforcement === 'resource') return current
    const found = `${config.agentId} is registered as ${enforcement}, expected resource`
    throw new HoldpointError('INVALID_CONFIG', found)
  }

  /** Throws for every doubt. `isGenuine` hears of the request as soon as the signature stands. */
  async function release(
    proof: string,
    { kind, name, target, ...given }: ResourceAction,
    isGenuine: (requestId: string) => void,
  ): Promise<Release> {
    // A copy, at once: whatever else reads the request may change it meanwhile.
    const received = {
      kind,
      name,
      ...(target === undefined ? {} : { target }),
      arguments: freezeJson(takeArguments({ kind, name, ...given }).value),
    }
    const { warrant, disclosed } = readProof(proof)
    const by = await authority()
    freeze.check()
    const { held, released } = verifyFor(received, { warrant, disclosed, by }, trust, isGenuine)
    return createRelease(
      released,
      await spendHere(held, { trust, connection, process, timeoutMs }, { outcomes }),
    )
  }

  return {
    name: config.agentId,
    async start() {
      session.start()
    },
    async stop() {
      stopping.abort()
      await outcomes.flush(STOP_TIMEOUT_MS)
      outcomes.stop()
      await session.stop()
    },
    flush: (withinMs) => outcomes.flush(withinMs),
    async verifyWarrant(proof, action) {
      let requestId: string | undefined
      try {
        if (!proof) throw new HoldpointError('WARRANT_REQUIRED')
        return { ok: true, release: await release(proof, action, (genuine) => (requestId = genuine)) }
      } catch (error) {
        return { ok: false, refusal: { ...refusalOf(error), ...(requestId && { requestId }) } }
      }
    },
  }
}

const refusalOf = (error: unknown): ResourceRefusal =>
  error instanceof HoldpointError
    ? { code: error.code, reason: error.message }
    : { code: 'INTERNAL', reason: ERROR_CODES.INTERNAL }
