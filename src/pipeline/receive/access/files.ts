import { readFileSync, statSync } from 'node:fs'
import { HoldpointError } from '#contract'

const LOOK_AGAIN_MS = 1_000

/**
 * Tells whether any of these files is another one than at the last look, so that secrets can be replaced while we
 * run. It looks when it is asked, and at most once a second: mounted secrets are links that are exchanged, which
 * file watching misses.
 */
export function createWatch(paths: readonly string[], now: () => number): { hasChanged(): boolean } {
  let seen: string | undefined
  let lookedAtMs = Number.NEGATIVE_INFINITY
  return {
    hasChanged() {
      // A clock that was set back must not keep us from looking.
      if (Math.abs(now() - lookedAtMs) < LOOK_AGAIN_MS) return false
      lookedAtMs = now()
      const found = paths.map(stampOf).join()
      const changed = seen !== undefined && found !== seen
      seen = found
      return changed
    },
  }
}

function stampOf(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? 'gone' : `${found.ino}:${found.mtimeNs}:${found.size}`
}

/** Throws INVALID_CONFIG with the key and the path. */
export function readConfigured(key: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new HoldpointError('INVALID_CONFIG', `${key}: ${path} cannot be read: ${code}`, { cause })
  }
}
