export interface LineReader {
  push(chunk: Buffer): void
}

interface LineReaderOptions {
  /** The longest line that is kept, without its newline. What is longer is never put together. */
  maxBytes: number
  /** Without its newline. */
  onLine: (line: Buffer) => void
  /** Once for each such line, as soon as it is known; the rest of it is skipped. */
  onTooLong: () => void
}

const NEWLINE = 0x0a

/**
 * Cuts a stream at its newlines. A line that never ends is no message: neither the peer of the one who sent it nor we
 * would know where it ought to have ended.
 */
export function createLineReader({ maxBytes, onLine, onTooLong }: LineReaderOptions): LineReader {
  let parts: Buffer[] = []
  let bytes = 0
  let isSkipping = false

  function take(piece: Buffer): void {
    if (isSkipping) return
    bytes += piece.length
    if (bytes > maxBytes) {
      isSkipping = true
      parts = []
      onTooLong()
    } else if (piece.length > 0) parts.push(piece)
  }

  function end(): void {
    const line = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
    const isWhole = !isSkipping
    parts = []
    bytes = 0
    isSkipping = false
    if (isWhole) onLine(line)
  }

  return {
    push(chunk) {
      let from = 0
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
        take(chunk.subarray(from, at))
        end()
        from = at + 1
      }
      if (from < chunk.length) take(chunk.subarray(from))
    },
  }
}
