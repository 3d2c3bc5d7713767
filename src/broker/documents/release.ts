import { actionDigest, digestBytes, HoldpointError, type PolicyDocument } from '#contract'
import { namedRequest } from '../calls/own.ts'
import type { Context } from '../context.ts'
import { readPayload } from '../request/request-payload.ts'
import { stateOf } from '../state/requests.ts'
import type { Standing } from '../state/standing.ts'
import { POLICY_AGENT, POLICY_APPLY, readChange } from './policy-change.ts'

/**
 * Why people have not released this policy, after the one that stands; undefined where they have. Neither the document
 * nor whoever signed it is believed: the ledger and the sealed payload say what was approved, byte for byte.
 * Throws what can pass: LEDGER_UNAVAILABLE, UNAVAILABLE.
 */
export async function whyNotReleased(
  context: Context,
  { release = '', version, source }: PolicyDocument,
  standing: Standing,
): Promise<string | undefined> {
  const request = await namedRequest(context, release).catch(ifLasting)
  if (!request) return `its release ${release} is no request`
  const { requested, decided, spent } = request
  if (requested.kind !== POLICY_APPLY.kind || requested.name !== POLICY_APPLY.name)
    return `${release} released another action: ${requested.kind} ${requested.name}`
  if (requested.agent.sub !== POLICY_AGENT || requested.agent.iss !== context.config.origin)
    return `${release} is a request of ${requested.agent.sub}, expected ${POLICY_AGENT}`
  if (requested.target !== context.config.origin)
    return `${release} is about another house: ${requested.target}`
  if (decided?.decision !== 'approved') return `${release} is ${stateOf(request)}, expected an approval`
  if (spent?.spend !== 'consumed')
    return `the approval ${release} is ${stateOf(request)}, expected to be consumed`

  const payload = await readPayload(context.payloads, release).catch(ifLasting)
  if (!payload) return `what ${release} was about has been erased`
  if (actionDigest(payload.action, requested, payload.salt) !== requested.actionDigest)
    return `the payload of ${release} is not what was approved`
  const { fromVersion, fromHash, toHash } = readChange(payload.action.arguments)
  if (toHash !== digestBytes(source)) return `${release} released another text`
  if (fromVersion !== standing.version || fromHash !== standing.hash || version !== fromVersion + 1)
    return `${release} released a change of policy ${fromVersion}, and ${standing.version} stands`
  return undefined
}

function ifLasting(error: unknown): undefined {
  if (error instanceof HoldpointError && LASTING.has(error.code)) return undefined
  throw error
}

const LASTING: ReadonlySet<string> = new Set(['UNKNOWN_REQUEST', 'NOT_FOUND', 'ERASED'])
