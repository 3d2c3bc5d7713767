import { type PolicyDocument, TYP } from '#contract'
import { parsePolicy } from '#policy'
import { createTrust } from '#warrant'
import { signDocument } from '#warrant/issue'
import { FILES, type Home } from './home.ts'
import { RENEW_BEFORE_S, readKey, readOwn, readPin } from './keys.ts'

/** A gate that hears nothing new for this long holds everything. */
const POLICY_LIFE_S = 90 * 86_400

/**
 * Signs a policy as the next version. The same text keeps its version until it is due for renewal.
 * Throws INVALID_POLICY, with every line and column, before anything is signed.
 */
export function signPolicy(home: Home, source: string, file: string, nowMs: number): PolicyDocument {
  parsePolicy(source, file)
  const trust = createTrust({ pin: readPin(home) }, { now: () => nowMs })
  const { origin } = trust.adoptKeySet(home.read(FILES.keySet))
  const signed = home.has(FILES.policy) ? readOwn<PolicyDocument>(home, FILES.policy) : undefined
  if (signed && signed.source === source && signed.exp * 1000 > nowMs + RENEW_BEFORE_S * 1000) return signed

  const iat = Math.floor(nowMs / 1000)
  const version = (signed?.version ?? 0) + 1
  const document: PolicyDocument = { v: 1, origin, version, iat, exp: iat + POLICY_LIFE_S, source }
  home.write(FILES.policy, signDocument(TYP.policy, document, readKey(home, FILES.policyKey)))
  return document
}
