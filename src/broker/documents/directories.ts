import { type Directory, HoldpointError } from '#contract'
import { createPeople, type People } from '#policy'
import type { Trust } from '#warrant'

/** Which directory of people is in force. Once there is one, there is no way back to having none. */
export interface Directories {
  /** Throws as `verifyDirectory` does; what is refused replaces nothing. */
  adopt(jws: string): Directory
  /** Until it is adopted again: what a key signed that is in the key set no longer counts no longer. */
  release(): void
  /**
   * Throws STALE where it has expired, and UNTRUSTED where there is one that cannot be verified: nobody's answer
   * counts then, because one person could give several.
   */
  people(): People
}

export function createDirectories(deps: {
  trust: Pick<Trust, 'verifyDirectory'>
  now: () => number
}): Directories {
  let inForce: { document: Directory; people: People } | undefined
  let fault: string | undefined

  return {
    adopt(jws) {
      try {
        const document = deps.trust.verifyDirectory(jws)
        inForce = { document, people: createPeople(document) }
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
    people() {
      if (fault !== undefined)
        throw new HoldpointError(
          'UNTRUSTED',
          `nobody may answer: the directory of people is refused, ${fault}`,
        )
      if (!inForce) return EVERY_ACCOUNT_A_PERSON
      const { version, exp } = inForce.document
      if (deps.now() < exp * 1000) return inForce.people
      throw new HoldpointError(
        'STALE',
        `nobody may answer: version ${version} of the directory of people expired at ${new Date(exp * 1000).toISOString()}; publish it again`,
      )
    },
  }
}

const EVERY_ACCOUNT_A_PERSON = createPeople()
