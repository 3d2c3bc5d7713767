import { type Digest, digestShape, integer, object, parse, type Shape } from '#contract'
import type { Projection } from './projection.ts'

/** The newest directory of people that the ledger knows: no older one counts any more, and neither does none. */
export interface KnownDirectory {
  version: number
  /** Of the signed document. */
  hash: Digest
}

export interface KnownDirectories extends Projection {
  newest(): KnownDirectory | undefined
}

export function createKnownDirectories(): KnownDirectories {
  let newest: KnownDirectory | undefined
  return {
    newest: () => newest,
    apply({ entry }) {
      // Of two under one version the first stands, in whichever epoch.
      if (entry.type !== 'directory' || entry.version <= (newest?.version ?? 0)) return
      newest = { version: entry.version, hash: entry.hash }
    },
    *save() {
      if (newest) yield { ...newest }
    },
    load: (row) => {
      newest = parse(shape, row, 'a directory in a snapshot')
    },
    clear: () => {
      newest = undefined
    },
  }
}

const shape: Shape<KnownDirectory> = object({ version: integer({ min: 1 }), hash: digestShape })
