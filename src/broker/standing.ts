import { type Digest, digestShape, integer, object, parse } from '#contract'
import type { Projection } from './projection.ts'

/** The newest policy that the ledger knows: none before it rules any more. */
export interface Standing {
  version: number
  hash: Digest
}

export interface Standings extends Projection {
  newest(): Standing | undefined
}

export function createStandings(): Standings {
  let newest: Standing | undefined
  return {
    newest: () => newest,
    apply({ entry }) {
      if (entry.type !== 'policy' || entry.version < (newest?.version ?? 0)) return
      const { version, hash } = entry
      newest = { version, hash }
    },
    *save() {
      if (newest) yield { ...newest }
    },
    load: (row) => {
      newest = parse(standingShape, row, 'a policy in a snapshot')
    },
    clear: () => {
      newest = undefined
    },
  }
}

const standingShape = object({ version: integer({ min: 1 }), hash: digestShape })
