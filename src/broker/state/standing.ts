import { type Digest, digestShape, integer, object, optional, parse, type Shape, text } from '#contract'
import type { Projection } from './projection.ts'

/** The newest policy that the ledger knows: none before it rules any more. */
export interface Standing {
  version: number
  hash: Digest
  /** The request that released it. */
  release?: string
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
      const { version, hash, release } = entry
      newest = { version, hash, ...(release === undefined ? {} : { release }) }
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

const standingShape: Shape<Standing> = object({
  version: integer({ min: 1 }),
  hash: digestShape,
  release: optional(text({ min: 1, max: 200 })),
})
