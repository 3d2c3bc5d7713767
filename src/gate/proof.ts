import {
  type Bindings,
  canonicalize,
  HoldpointError,
  list,
  object,
  optional,
  type Principal,
  parse,
  parseJson,
  principalShape,
  type Shape,
  text,
} from '#contract'
import type { HeldAction } from './release.ts'

/** What a resource cannot know of an action otherwise, and needs to take its digest. */
export interface Disclosed {
  salt: string
  onBehalfOf: Principal[]
  bindings: Bindings
}

/**
 * What a resource needs beside the warrant to take the digest of the action again, from the call that it has received:
 * compact JWS, `~`, and base64url of canonical JSON. Nothing in the second part is believed, for the digest covers it.
 */
export function proofOf(warrant: string, { salt, requester, action }: HeldAction): string {
  const { cwdDigest, envDigest, toolSchemaDigest, precondition } = action.runtime
  const disclosed = canonicalize({
    salt,
    onBehalfOf: requester.onBehalfOf.map(({ iss, sub }) => ({ iss, sub })),
    bindings: { cwd: cwdDigest, env: envDigest, toolSchema: toolSchemaDigest, precondition },
  })
  return `${warrant}~${Buffer.from(disclosed).toString('base64url')}`
}

/** As long as what most servers take of headers altogether. */
const MOST_CHARACTERS = 16_384

/** Takes it apart. Throws INVALID_INPUT: anybody may have written it. */
export function readProof(proof: string): { warrant: string; disclosed: Disclosed } {
  if (proof.length > MOST_CHARACTERS) throw malformed(`${proof.length} characters`)
  const [warrant, encoded, ...more] = proof.split('~', 3)
  if (!warrant || !encoded || more.length > 0) throw malformed('other parts')
  const bytes = Buffer.from(encoded, 'base64url')
  if (bytes.toString('base64url') !== encoded) throw malformed('another encoding')
  const given = parse(disclosedShape, parseJson(utf8.decode(bytes)), 'proof')
  const { cwd, env, toolSchema, precondition } = given.bindings
  const bindings = { cwdDigest: cwd, envDigest: env, toolSchemaDigest: toolSchema, precondition }
  return { warrant, disclosed: { ...given, bindings: withoutAbsent(bindings) } }
}

// What is no UTF-8 becomes U+FFFD, and then it is of another digest.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

const disclosedShape: Shape<{
  salt: string
  onBehalfOf: Principal[]
  bindings: { cwd?: string; env?: string; toolSchema?: string; precondition?: string }
}> = object({
  salt: text({ min: 22, max: 100 }),
  onBehalfOf: list(principalShape, { max: 8 }),
  bindings: object({
    cwd: optional(text({ min: 1, max: 200 })),
    env: optional(text({ min: 1, max: 200 })),
    toolSchema: optional(text({ min: 1, max: 200 })),
    precondition: optional(text({ max: 1000 })),
  }),
})

const withoutAbsent = (bindings: Record<string, string | undefined>): Bindings =>
  Object.fromEntries(Object.entries(bindings).filter(([, value]) => value !== undefined))

const malformed = (found: string): HoldpointError =>
  new HoldpointError(
    'INVALID_INPUT',
    `proof: found ${found}, expected a warrant, ~, and base64url, in at most ${MOST_CHARACTERS} characters`,
  )
