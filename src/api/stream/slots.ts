import { type Digest, digestBytes, HoldpointError } from '#contract'

/** Bounds what is open at once, in all and for each key. `take` throws TOO_MANY; what it returns gives the place back. */
export function createSlots({ inAll, perKey }: { inAll: number; perKey: number }): {
  take(key: string): () => void
} {
  const taken = new Map<Digest, number>()
  let total = 0
  return {
    take(secret) {
      // The key is somebody's token: only its digest is kept.
      const key = digestBytes(secret)
      const own = taken.get(key) ?? 0
      if (own >= perKey)
        throw new HoldpointError('TOO_MANY', `${perKey} event streams are open with this token`)
      if (total >= inAll) throw new HoldpointError('TOO_MANY', `${inAll} event streams are open in all`)
      taken.set(key, own + 1)
      total++
      let isHeld = true
      return () => {
        if (!isHeld) return
        isHeld = false
        total--
        const left = (taken.get(key) ?? 1) - 1
        if (left === 0) taken.delete(key)
        else taken.set(key, left)
      }
    },
  }
}
