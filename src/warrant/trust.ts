import {
  type AllowedClaims,
  allowedClaimsShape,
  type ConsumedClaims,
  consumedClaimsShape,
  type Directory,
  directoryShape,
  type EpochDocument,
  epochDocumentShape,
  HoldpointError,
  type KeySet,
  type KeyUse,
  keySetShape,
  type PolicyDocument,
  policyDocumentShape,
  type Registration,
  registrationShape,
  type Shape,
  type TrustedKey,
  TYP,
  type Typ,
  type WarrantClaims,
  warrantClaimsShape,
} from '#contract'
import {
  checkAllowed,
  checkConsumed,
  checkIssued,
  checkNotExpired,
  checkWarrant,
  type ExpectedAllowed,
  type ExpectedConsumed,
  type ExpectedWarrant,
} from './claims.ts'
import { checkAccounts } from './directory.ts'
import { openJws, untrusted } from './jws.ts'
import { createVerifyKey, readPin, type VerifyKey } from './key.ts'

/**
 * What one verifier believes, all of it leading back to the pinned organisation key. It only moves forward:
 * a document older than one already seen is refused, and when the key set expires everything is.
 */
export interface Trust {
  /** Throws UNTRUSTED (signature, type, shape, keys) or STALE (expired, or older than the adopted one). */
  adoptKeySet(jws: string): KeySet
  /** The adopted one, until it expires. */
  keySet(): KeySet | undefined
  /**
   * Signed by a policy key, or by the organisation key itself. Throws UNTRUSTED, or STALE: expired, or older than the
   * newest one seen.
   */
  verifyPolicy(jws: string): PolicyDocument
  /** The same, except that it is not yet what all later ones are compared with. Throws UNTRUSTED or STALE (expired). */
  openPolicy(jws: string): { document: PolicyDocument; signedBy: 'policy' | 'organisation' }
  /** Throws UNTRUSTED, or STALE: older than the newest one seen of this agent. */
  verifyRegistration(jws: string): Registration
  /**
   * Throws UNTRUSTED, or STALE: older than the newest one seen. One that has expired is returned all the same: without
   * any directory one person would be several, so whoever asks looks at `exp`, and lets nobody review.
   */
  verifyDirectory(jws: string): Directory
  /** Throws UNTRUSTED. Which of several is the newest, their numbers say: an epoch is never taken back. */
  verifyEpoch(jws: string): EpochDocument
  /**
   * `expected` may be worked out of the claims, once their signature stands: a resource learns from them who asks.
   * Throws UNTRUSTED, STALE (expired) or WARRANT_MISMATCH (anything but `expected`, or not yet valid).
   */
  verifyWarrant(
    jws: string,
    expected: ExpectedWarrant | ((claims: WarrantClaims) => ExpectedWarrant),
  ): WarrantClaims
  /** Throws as verifyWarrant does. */
  verifyConsumed(jws: string, expected: ExpectedConsumed): ConsumedClaims
  /** Throws as verifyWarrant does. */
  verifyAllowed(jws: string, expected: ExpectedAllowed): AllowedClaims
  /** Keys of the current key set; none once it has expired. */
  keys(use: KeyUse): TrustedKey[]
}

/** `pin` is `ed25519:` and the organisation's public key in base64url; throws INVALID_CONFIG for another. */
export function createTrust(config: { pin: string }, deps: { now: () => number }): Trust {
  const organisation = readPin(config.pin)
  const forward = createForwardOnly()
  let adopted: { set: KeySet; signers: Map<string, Signer> } | undefined

  const nowS = () => deps.now() / 1000
  const isCurrent = (set: KeySet) => nowS() < set.exp

  function current(typ: Typ) {
    if (adopted === undefined) throw untrusted(`${typ}: no key set has been adopted`)
    checkNotExpired('key set', adopted.set, nowS())
    return adopted
  }

  function open<T>(jws: string, typ: Typ, use: KeyUse, shape: Shape<T>): { document: T; origin: string } {
    const { set, signers } = current(typ)
    const findKey = (kid: string) => {
      const signer = signers.get(kid)
      return signer?.use === use ? signer.key : undefined
    }
    return { document: openJws(jws, { typ, findKey, shape }), origin: set.origin }
  }

  function openPolicy(jws: string): ReturnType<Trust['openPolicy']> {
    const { set, signers } = current(TYP.policy)
    let signedBy: 'policy' | 'organisation' = 'policy'
    const findKey = (kid: string) => {
      // The root of all trust may do by itself what it lets a policy key do: that is how a house is opened by force.
      if (kid === organisation.kid) {
        signedBy = 'organisation'
        return organisation
      }
      const signer = signers.get(kid)
      return signer?.use === 'policy' ? signer.key : undefined
    }
    const document = openJws(jws, { typ: TYP.policy, findKey, shape: policyDocumentShape })
    checkOrigin('policy', document.origin, set.origin)
    checkIssued('policy', document, nowS(), 'UNTRUSTED')
    checkNotExpired('policy', document, nowS())
    return { document, signedBy }
  }

  return {
    adoptKeySet(jws) {
      const findKey = (kid: string) => (kid === organisation.kid ? organisation : undefined)
      const set = openJws(jws, { typ: TYP.keySet, findKey, shape: keySetShape })
      const signers = readSigners(set.keys, organisation)
      if (adopted !== undefined) checkOrigin('key set', set.origin, adopted.set.origin)
      checkIssued('key set', set, nowS(), 'UNTRUSTED')
      checkNotExpired('key set', set, nowS())
      forward('key set', set.version, jws)
      adopted = { set, signers }
      return structuredClone(set)
    },
    keySet() {
      return adopted !== undefined && isCurrent(adopted.set) ? structuredClone(adopted.set) : undefined
    },
    verifyPolicy(jws) {
      const { document } = openPolicy(jws)
      forward('policy', document.version, jws)
      return document
    },
    openPolicy,
    verifyRegistration(jws) {
      const { document, origin } = open(jws, TYP.registration, 'registry', registrationShape)
      checkOrigin('registration', document.agent.iss, origin)
      checkIssued('registration', document, nowS(), 'UNTRUSTED')
      forward(`registration of ${document.agent.sub}`, document.version, jws)
      return document
    },
    verifyDirectory(jws) {
      const { document, origin } = open(jws, TYP.directory, 'registry', directoryShape)
      checkOrigin('directory', document.origin, origin)
      checkIssued('directory', document, nowS(), 'UNTRUSTED')
      checkAccounts(document)
      forward('directory', document.version, jws)
      return document
    },
    verifyEpoch(jws) {
      const { document, origin } = open(jws, TYP.epoch, 'registry', epochDocumentShape)
      checkOrigin('epoch', document.origin, origin)
      checkIssued('epoch', document, nowS(), 'UNTRUSTED')
      return document
    },
    verifyWarrant(jws, expected) {
      const { document, origin } = open(jws, TYP.warrant, 'broker', warrantClaimsShape)
      const wanted = typeof expected === 'function' ? expected(document) : expected
      checkWarrant(document, wanted, { origin, nowS: nowS() })
      return document
    },
    verifyConsumed(jws, expected) {
      const { document, origin } = open(jws, TYP.consumed, 'broker', consumedClaimsShape)
      checkConsumed(document, expected, { origin, nowS: nowS() })
      return document
    },
    verifyAllowed(jws, expected) {
      const { document, origin } = open(jws, TYP.allowed, 'broker', allowedClaimsShape)
      checkAllowed(document, expected, { origin, nowS: nowS() })
      return document
    },
    keys(use) {
      const keys = adopted !== undefined && isCurrent(adopted.set) ? adopted.set.keys : []
      return keys.filter((key) => key.use === use).map((key) => ({ ...key }))
    },
  }
}

interface Signer {
  use: KeyUse
  key: VerifyKey
}

function readSigners(keys: TrustedKey[], organisation: VerifyKey): Map<string, Signer> {
  const signers = new Map<string, Signer>()
  for (const { kid, use, x } of keys) {
    const key = readKey(x)
    if (key.kid !== kid) throw untrusted(`key set: kid ${kid} is not the RFC 7638 thumbprint of its key`)
    // One key, one use: otherwise what is signed for the ledger could be played back as a warrant.
    if (signers.has(kid)) throw untrusted(`key set: the key ${kid} stands in it twice`)
    if (kid === organisation.kid) throw untrusted('key set: the organisation key may sign key sets only')
    signers.set(kid, { use, key })
  }
  return signers
}

function readKey(x: string): VerifyKey {
  try {
    return createVerifyKey(x)
  } catch (cause) {
    throw untrusted(`key set: ${(cause as Error).message}`, cause)
  }
}

function checkOrigin(what: string, found: string, expected: string): void {
  if (found !== expected)
    throw untrusted(`${what}: the origin is ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`)
}

/** Refuses an older version, and another document under a version already seen: one of the two is a forgery. */
function createForwardOnly(): (what: string, version: number, jws: string) => void {
  const newest = new Map<string, { version: number; jws: string }>()
  return (what, version, jws) => {
    const seen = newest.get(what)
    if (seen !== undefined && version < seen.version)
      throw new HoldpointError(
        'STALE',
        `${what}: version ${version} is older than ${seen.version}, which was seen before`,
      )
    if (seen?.version === version && seen.jws !== jws)
      throw new HoldpointError('STALE', `${what}: version ${version} was seen before with another content`)
    newest.set(what, { version, jws })
  }
}
