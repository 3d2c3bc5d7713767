import { type TrustCall, type TrustReply, trustCallShape } from '#contract'
import type { DeskHandler } from './handler.ts'

/** Public keys are for everybody, and so nobody has to be signed in. */
export const trust: DeskHandler<TrustCall, TrustReply> = {
  shape: trustCallShape,
  async handle(_, { documents }) {
    const { jws, document } = documents.keySet()
    return { origin: document.origin, keySet: jws, keys: document.keys }
  },
}
