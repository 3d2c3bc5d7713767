import { type PolicyDocument, TYP } from '#contract'
import { parsePolicy } from '#policy'
import { createTrust } from '#warrant'
import { signDocument } from '#warrant/issue'
import { FILES, type Home } from './home.ts'
import { organisationKey, RENEW_BEFORE_S, readKey, readKeySet, readOwn, readPin } from './keys.ts'

/** A gate that hears nothing new for this long holds everything. */
const POLICY_LIFE_S = 90 * 86_400

/** For a house in development, and for the first policy of any: the policy key's word is enough there. */
export function signPolicy(home: Home, source: string, file: string, nowMs: number): PolicyDocument {
  parsePolicy(source, file)
  const trust = createTrust({ pin: readPin(home) }, { now: () => nowMs })
  trust.adoptKeySet(home.read(FILES.keySet))
  const signed = home.has(FILES.policy) ? readOwn<PolicyDocument>(home, FILES.policy) : undefined
  if (signed && signed.source === source && !isDue(signed, nowMs)) return signed

  const next = signNextPolicy(home, { source, version: (signed?.version ?? 0) + 1 }, nowMs)
  keepPolicy(home, next.jws)
  return next.document
}

/** In the last days of its life a policy is signed again, unchanged, before everything is held. */
export const isDue = ({ exp }: Pick<PolicyDocument, 'exp'>, nowMs: number): boolean =>
  exp * 1000 <= nowMs + RENEW_BEFORE_S * 1000

export interface NextPolicy {
  /** Has been parsed: what is signed here comes into force as it is. */
  source: string
  version: number
  /** The request that released it. */
  release?: string
  /** Preset: the policy key. The organisation key needs nobody's release, and lies in a safe. */
  signedBy?: 'organisation'
}

/** Throws NOT_FOUND where the key is not there, UNTRUSTED where the organisation key is not the pinned one. */
export function signNextPolicy(
  home: Home,
  { source, version, release, signedBy }: NextPolicy,
  nowMs: number,
): { document: PolicyDocument; jws: string } {
  const { origin } = readKeySet(home, nowMs)
  const iat = Math.floor(nowMs / 1000)
  const document: PolicyDocument = {
    v: 1,
    origin,
    version,
    iat,
    exp: iat + POLICY_LIFE_S,
    source,
    ...(release === undefined ? {} : { release }),
  }
  const key = signedBy === 'organisation' ? organisationKey(home, 'a policy') : readKey(home, FILES.policyKey)
  return { document, jws: signDocument(TYP.policy, document, key) }
}

export const keepPolicy = (home: Home, jws: string): void => home.write(FILES.policy, jws)
