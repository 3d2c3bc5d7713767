import { eachField } from './fields.ts'
import type { Envelope, Item } from './items.ts'
import type { Range } from './ranges.ts'
import { WIRE } from './schema.ts'
import {
  beginLength,
  copyBytes,
  createWriter,
  endLength,
  writeTag,
  writeVarint32,
  written,
} from './writer.ts'

/** Of each message, for its tag and its length. */
const FRAME_BYTES = 6

/**
 * Cuts a request into requests, each with some of the items, in their order, within what they stood in. What a
 * resource or a scope says is in each piece that has an item of it.
 */
export function createCutter(body: Uint8Array, heads: Heads, maxPieceBytes: number) {
  const pieces: Uint8Array[] = []
  let piece = createPiece(body, heads, Math.min(maxPieceBytes, body.length))
  return {
    /** Why it fits into no piece, with all that has to stand around it. */
    add(item: Item): string | undefined {
      const alone = heads.around(item) + frameOf(item)
      if (alone > maxPieceBytes)
        return `with what it stands in it takes ${alone} bytes, of at most ${maxPieceBytes}`
      if (piece.bytesWith(item) > maxPieceBytes) {
        pieces.push(piece.finish())
        // About as long as what is left, if that is not too much.
        piece = createPiece(body, heads, Math.min(maxPieceBytes, body.length - item.from + alone))
      }
      piece.add(item)
      return undefined
    },
    finish(): Uint8Array[] {
      if (!piece.isEmpty()) pieces.push(piece.finish())
      return pieces
    },
  }
}

function createPiece(body: Uint8Array, heads: Heads, bytesExpected: number) {
  const writer = createWriter(bytesExpected)
  const open: { envelope: Envelope; start: number }[] = []
  let bytes = 0

  const close = (): void => endLength(writer, open.pop()?.start as number)
  const missing = (item: Item): Envelope[] =>
    pathOf(item).filter((envelope, at) => open[at]?.envelope !== envelope)
  const bytesOf = (item: Item): number =>
    missing(item).reduce((sum, envelope) => sum + heads.of(envelope).bytes, frameOf(item))

  return {
    isEmpty: () => bytes === 0,
    bytesWith: (item: Item) => bytes + bytesOf(item),
    add(item: Item): void {
      bytes += bytesOf(item)
      const path = pathOf(item)
      while (open.length > 0 && open.at(-1)?.envelope !== path[open.length - 1]) close()
      for (const envelope of path.slice(open.length)) {
        writeTag(writer, envelope.no, WIRE.bytes)
        open.push({ envelope, start: beginLength(writer) })
        for (const { from, to } of heads.of(envelope).ranges) copyBytes(writer, body, from, to)
      }
      writeTag(writer, item.no, WIRE.bytes)
      writeVarint32(writer, item.to - item.from)
      copyBytes(writer, body, item.from, item.to)
    },
    finish(): Uint8Array {
      while (open.length > 0) close()
      return written(writer)
    },
  }
}

const frameOf = ({ from, to }: Item): number => FRAME_BYTES + to - from

/** What an item stands in, from the outside. */
function pathOf({ within }: Item): Envelope[] {
  const path: Envelope[] = []
  for (let envelope: Envelope | undefined = within; envelope; envelope = envelope.within)
    path.unshift(envelope)
  return path
}

/** All fields of an envelope but those of what it holds. */
interface Head {
  ranges: Range[]
  /** Its frame included. */
  bytes: number
  /** With those of the envelopes around it. */
  allBytes: number
}

export type Heads = ReturnType<typeof createHeads>

export function createHeads(body: Uint8Array) {
  const heads = new Map<Envelope, Head>()
  function of(envelope: Envelope): Head {
    const known = heads.get(envelope)
    if (known) return known
    const ranges: Range[] = []
    eachField(body, envelope, (no, _at, to, start) => {
      if (no !== envelope.holds) ranges.push({ from: start, to })
    })
    const bytes = ranges.reduce((sum, { from, to }) => sum + to - from, FRAME_BYTES)
    const head = { ranges, bytes, allBytes: bytes + (envelope.within ? of(envelope.within).allBytes : 0) }
    heads.set(envelope, head)
    return head
  }
  return {
    of,
    /** Bytes that are said once in a request, and stored with this item as with all others there. */
    around: ({ within }: Item): number => of(within).allBytes,
  }
}
