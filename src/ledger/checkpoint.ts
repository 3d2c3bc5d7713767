import { HoldpointError, type TrustedKey } from '#contract'
import { fromBase64, HASH_BYTES, toBase64 } from './hash.ts'
import { type NoteSigner, openNote, signNote } from './note.ts'

/** The state of one log (C2SP tlog-checkpoint): `origin` names it, for ever. */
export interface Checkpoint {
  origin: string
  size: number
  root: Uint8Array
}

/** Three lines: origin, size in decimal, root in base64. Throws INVALID_INPUT for what has no such form. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  if (!ORIGIN.test(origin) || !Number.isSafeInteger(size) || size < 0 || root.length !== HASH_BYTES)
    throw new HoldpointError(
      'INVALID_INPUT',
      `checkpoint: origin ${JSON.stringify(origin)}, size ${size}, ${root.length} bytes of root`,
    )
  return `${origin}\n${size}\n${toBase64(root)}\n`
}

/** The checkpoint as a signed note (C2SP signed-note, Ed25519): one signature for every leaf below it. */
export const signCheckpoint = (text: string, signer: NoteSigner): string => signNote(text, signer)

/**
 * Throws UNTRUSTED when none of our ledger keys has signed it for this origin, LEDGER_CORRUPT when it is malformed.
 * Other lines after the root are refused: we write none.
 */
export function verifyCheckpoint(
  note: string,
  { origin, keys }: { origin: string; keys: readonly TrustedKey[] },
): Checkpoint {
  const ledgerKeys = keys.filter((key) => key.use === 'ledger')
  const text = openNote(note, { name: origin, keys: ledgerKeys })
  const [found, decimal = '', encoded = '', ...rest] = text.split('\n')
  if (found !== origin)
    throw new HoldpointError(
      'UNTRUSTED',
      `checkpoint: origin ${JSON.stringify(found)}, expected ${JSON.stringify(origin)}`,
    )
  const size = SIZE.test(decimal) ? Number(decimal) : Number.NaN
  const root = fromBase64(encoded)
  if (!Number.isSafeInteger(size) || root?.length !== HASH_BYTES || rest.join('\n') !== '')
    throw new HoldpointError(
      'LEDGER_CORRUPT',
      `checkpoint: expected ${origin}, a size and a root of 32 bytes, found ${JSON.stringify(text.slice(0, 300))}`,
    )
  return { origin, size, root }
}

const ORIGIN = /^[^\s+]+$/u
const SIZE = /^(?:0|[1-9][0-9]{0,15})$/
