import { randomBytes } from 'node:crypto'
import { EncryptJWT, jwtDecrypt } from 'jose'
import { HoldpointError } from '#contract'

/** A sign-in between its two halves. */
export interface PendingSignIn {
  issuer: string
  verifier: string
  state: string
  nonce: string
  returnTo: string
}

/** Ten minutes to type a password and find a second factor. */
const LIFE_S = 600
const MOST_USED = 10_000

/**
 * Seals pending sign-ins for the browser to keep, so that nothing is stored for people who never come back; each
 * opens once. The key is of this process and never leaves it.
 */
export function createPending({ now }: { now: () => number }) {
  const key = randomBytes(32)
  const used = new Set<string>()
  const nowS = (): number => Math.floor(now() / 1000)

  return {
    seal: ({ ...pending }: PendingSignIn): Promise<string> =>
      new EncryptJWT(pending)
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .setJti(randomBytes(16).toString('base64url'))
        .setExpirationTime(nowS() + LIFE_S)
        .encrypt(key),

    /** Throws UNAUTHENTICATED. */
    async open(sealed: string): Promise<PendingSignIn> {
      const opened = await jwtDecrypt<PendingSignIn>(sealed, key, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
        currentDate: new Date(now()),
        requiredClaims: ['exp', 'jti'],
      }).catch((cause: unknown) => {
        throw new HoldpointError(
          'UNAUTHENTICATED',
          'this sign-in has expired, or was begun in another browser: begin again',
          { cause },
        )
      })
      const { jti = '', issuer, verifier, state, nonce, returnTo } = opened.payload
      if (used.has(jti))
        throw new HoldpointError('UNAUTHENTICATED', 'this sign-in has already been finished: begin again')
      used.add(jti)
      // Sets keep their order: the oldest has expired long before anybody finishes ten thousand more.
      if (used.size > MOST_USED) used.delete(used.values().next().value ?? '')
      return { issuer, verifier, state, nonce, returnTo }
    },
  }
}
