import { type Digest, type Directory, digestBytes, HoldpointError } from '#contract'
import { createPeople, type People } from '#policy'
import type { Trust } from '#warrant'
import type { KnownDirectory } from '../state/known-directory.ts'

/** Which directory of people is in force. Once there is one, there is no way back to having none. */
export interface Directories {
  /** Throws as `verifyDirectory` does; what is refused replaces nothing. */
  adopt(jws: string): Directory
  /** Until it is adopted again: what a key signed that is in the key set no longer counts no longer. */
  release(): void
  /** The one in force, whether or not it has expired. */
  current(): KnownDirectory | undefined
  /**
   * Throws STALE where it has expired or the ledger knows a newer one, and UNTRUSTED where there is one that cannot be verified: nobody's answer
   * counts then, because one person could give several.
   */
  people(): People
  /** As the newest one said that has been in force here, for what is good to know even where it is not to be relied on. */
  lastPeople(): People
}

const EVERY_ACCOUNT_A_PERSON = createPeople()

export function createDirectories(deps: {
  trust: Pick<Trust, 'verifyDirectory'>
  /** The newest that the ledger knows. */
  known(): KnownDirectory | undefined
  now: () => number
}): Directories {
  let inForce: { document: Directory; hash: Digest; people: People } | undefined
  let fault: string | undefined
  let last = EVERY_ACCOUNT_A_PERSON

  return {
    adopt(jws) {
      try {
        const document = deps.trust.verifyDirectory(jws)
        inForce = { document, hash: digestBytes(jws), people: createPeople(document) }
        last = inForce.people
        fault = undefined
        return document
      } catch (error) {
        if (!inForce) fault = (error as Error).message
        throw error
      }
    },
    release() {
      if (inForce) fault = 'the key that signed it is in the key set no longer'
      inForce = undefined
    },
    current: () => inForce && { version: inForce.document.version, hash: inForce.hash },
    lastPeople: () => last,
    people() {
      if (fault !== undefined)
        throw new HoldpointError(
          'UNTRUSTED',
          `nobody may answer: the directory of people is refused, ${fault}`,
        )
      const known = deps.known()
      const found = inForce?.document.version ?? 0
      if (known && found < known.version)
        throw new HoldpointError(
          'STALE',
          `nobody may answer: the ledger knows version ${known.version} of the directory of people, and ${found === 0 ? 'none' : `version ${found}`} is published; publish it again`,
        )
      if (!inForce) return EVERY_ACCOUNT_A_PERSON
      const { version, exp } = inForce.document
      if (known?.version === version && known.hash !== inForce.hash)
        throw new HoldpointError(
          'UNTRUSTED',
          `nobody may answer: the ledger knows version ${version} of the directory of people with another content`,
        )
      if (deps.now() < exp * 1000) return inForce.people
      throw new HoldpointError(
        'STALE',
        `nobody may answer: version ${version} of the directory of people expired at ${new Date(exp * 1000).toISOString()}; publish it again`,
      )
    },
  }
}
