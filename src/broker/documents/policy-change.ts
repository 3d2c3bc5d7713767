import { applyPatch, createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff'
import {
  type Action,
  type Digest,
  digestBytes,
  digestShape,
  HoldpointError,
  integer,
  object,
  parse,
  type Requester,
  type Shape,
  text,
} from '#contract'
import { type People, parsePolicy, RESERVED_KIND } from '#policy'

/** The house's own agent, which asks for changes of the policy and for nothing else. */
export const POLICY_AGENT = 'policy-apply'
/** Where it stands; no rule is about it. */
export const POLICY_ENVIRONMENT = 'holdpoint'
export const POLICY_APPLY = { kind: RESERVED_KIND, name: 'policy apply' } as const

/** What reviewers release: this difference, between the policy in force and the one that has `toHash`. */
export interface PolicyChange {
  fromVersion: number
  fromHash: Digest
  toHash: Digest
  /** Unified. */
  diff: string
}

export interface PolicyText {
  version: number
  source: string
}

/** A rule's id stays in sight of what changes in it. */
const CONTEXT_LINES = 8
/** Bounds the time that a difference takes; and nobody can judge more. */
const MAX_CHANGED_LINES = 2_000
/** Signed, it has to fit into one message of a server that nobody has configured: 1 MB, and base64 adds a third. */
const MAX_POLICY_BYTES = 700_000

/** Throws PAYLOAD_TOO_LARGE for a text that cannot be published, or where more changes than people can judge at once. */
export function describeChange(from: PolicyText, toSource: string): PolicyChange {
  const bytes = Buffer.byteLength(toSource)
  if (bytes > MAX_POLICY_BYTES)
    throw new HoldpointError(
      'PAYLOAD_TOO_LARGE',
      `the policy has ${bytes} bytes, expected at most ${MAX_POLICY_BYTES}`,
    )
  const diff = createTwoFilesPatch(
    `policy ${from.version}`,
    `policy ${from.version + 1}`,
    from.source,
    toSource,
    '',
    '',
    { context: CONTEXT_LINES, maxEditLength: MAX_CHANGED_LINES, headerOptions: FILE_HEADERS_ONLY },
  )
  if (diff === undefined)
    throw new HoldpointError(
      'PAYLOAD_TOO_LARGE',
      `more than ${MAX_CHANGED_LINES} lines come or go, which nobody can judge at once: change the policy in parts`,
    )
  return {
    fromVersion: from.version,
    fromHash: digestBytes(from.source),
    toHash: digestBytes(toSource),
    diff,
  }
}

/**
 * Whether this may be put to people as a change of the policy in force. The difference is not believed but taken
 * again: a card must not show another one than that which would come into force. Throws POLICY_DENIED for who or what
 * may not ask, STALE where another policy has come into force, INVALID_INPUT and INVALID_POLICY for what is asked.
 */
export function checkPolicyChange(
  { kind, name, target, arguments: given }: Action,
  { agent, onBehalfOf }: Requester,
  inForce: PolicyText & { origin: string },
  people: Pick<People, 'isService'>,
): void {
  if (agent.sub !== POLICY_AGENT)
    throw denied(`${agent.sub} is not ${POLICY_AGENT}, which alone asks for changes of Holdpoint itself`)
  if (kind !== POLICY_APPLY.kind || name !== POLICY_APPLY.name || target !== inForce.origin)
    throw denied(
      `${POLICY_AGENT} asks for the policy of ${inForce.origin} to be changed, and for nothing else`,
    )
  // Otherwise whoever wrote it would be nobody whom a review can be compared with.
  if (onBehalfOf.length === 0)
    throw denied('a policy is changed in the name of a person, whose token proves it: nobody is named')
  const program = onBehalfOf.find((account) => people.isService(account))
  if (program !== undefined)
    throw denied(
      `a policy is changed in the name of a person, and ${program.sub} is a service of the directory`,
    )
  const change = readChange(given)
  if (change.fromVersion !== inForce.version || change.fromHash !== digestBytes(inForce.source))
    throw new HoldpointError(
      'STALE',
      `the change is one of policy ${change.fromVersion}, and policy ${inForce.version} is in force`,
    )
  const source = applied(change, inForce.source)
  if (digestBytes(source) !== change.toHash || describeChange(inForce, source).diff !== change.diff)
    throw invalid('diff: not the difference between the policy in force and the one that toHash names')
  if (change.toHash === change.fromHash) throw invalid('diff: nothing changes')
  parsePolicy(source)
}

export const readChange = (given: unknown): PolicyChange =>
  parse(changeShape, given, 'the arguments of a policy change')

/** `''` where it cannot be applied, which is no policy's text. */
function applied({ diff }: PolicyChange, source: string): string {
  try {
    return applyPatch(source, diff, { fuzzFactor: 0, autoConvertLineEndings: false }) || ''
  } catch {
    return ''
  }
}

const changeShape: Shape<PolicyChange> = object({
  fromVersion: integer({ min: 1 }),
  fromHash: digestShape,
  toHash: digestShape,
  diff: text({ min: 1, max: 1_000_000 }),
})

const denied = (message: string): HoldpointError => new HoldpointError('POLICY_DENIED', message)
const invalid = (message: string): HoldpointError => new HoldpointError('INVALID_INPUT', message)
