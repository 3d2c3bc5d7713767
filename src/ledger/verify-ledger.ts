import { decodeEntry, HoldpointError, type TrustedKey } from '#contract'
import { verifyCheckpoint } from './checkpoint.ts'
import { leafHash, sameHash, toBase64 } from './hash.ts'
import { createTree } from './tree.ts'

/**
 * Recomputes the whole tree and compares it with the signed checkpoint: exactly these leaves, in this order, each a
 * ledger entry. Throws LEDGER_CORRUPT, or UNTRUSTED for the checkpoint's signature.
 */
export function verifyLedger({
  leaves,
  checkpoint,
  origin,
  keys,
}: {
  leaves: Iterable<string>
  checkpoint: string
  origin: string
  keys: readonly TrustedKey[]
}): { size: number; root: string; verified: true } {
  const { size, root } = verifyCheckpoint(checkpoint, { origin, keys })
  const tree = createTree()
  for (const leaf of leaves) {
    checkLeaf(leaf, tree.size())
    tree.append(leafHash(leaf))
  }
  if (tree.size() !== size) throw corrupt(`${tree.size()} leaves, but its checkpoint says ${size}`)
  if (!sameHash(tree.root(), root))
    throw corrupt(
      `the root of its ${size} leaves is ${toBase64(tree.root())}, but its checkpoint says ${toBase64(root)}`,
    )
  return { size, root: toBase64(root), verified: true }
}

function checkLeaf(leaf: string, index: number): void {
  try {
    decodeEntry(leaf)
  } catch (cause) {
    throw corrupt(`leaf ${index}: ${(cause as Error).message}`, cause)
  }
}

const corrupt = (what: string, cause?: unknown): HoldpointError =>
  new HoldpointError('LEDGER_CORRUPT', `ledger: ${what}`, { cause })
