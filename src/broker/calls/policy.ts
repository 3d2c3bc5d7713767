import { type PolicyCall, type PolicyReply, policyCallShape } from '#contract'
import type { DeskHandler } from './handler.ts'

/** The policy in force, for whoever is signed in. */
export const policy: DeskHandler<PolicyCall, PolicyReply> = {
  shape: policyCallShape,
  async handle({ token }, { identity, documents }) {
    await identity.verifyToken(token)
    const { compiled, document } = documents.policy()
    const { version, source, iat, exp } = document
    return { version, hash: compiled.hash, source, issuedAtMs: iat * 1000, expiresAtMs: exp * 1000 }
  },
}
