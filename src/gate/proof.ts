import { canonicalize } from '#contract'
import type { HeldAction } from './release.ts'

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
