import { StringDecoder } from 'node:string_decoder'
import type { Io } from '#runtime'
import { type Key, keysOf } from './keys.ts'

export interface Screen {
  draw(lines: readonly string[]): void
  /** Gives the terminal back as it was. May be called twice. */
  close(): void
}

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const REST_OF_LINE = '\u001b[K'

/** The terminal's other screen, keys as they are pressed: what was there before comes back. */
export function openScreen(io: Io, onKey: (key: Key) => void, onResize: () => void): Screen {
  const { stdin, stdout } = io
  const setRawMode = (isRaw: boolean): void => {
    if ('setRawMode' in stdin) (stdin as NodeJS.ReadStream).setRawMode(isRaw)
  }
  const decoder = new StringDecoder('utf8')
  const read = (chunk: Buffer): void => {
    for (const key of keysOf(decoder.write(chunk))) onKey(key)
  }
  let isOpen = true
  setRawMode(true)
  stdin.on('data', read)
  stdin.resume()
  stdout.on('resize', onResize)
  stdout.write(ENTER)
  return {
    draw(lines) {
      if (isOpen) stdout.write(HOME + lines.map((line) => line + REST_OF_LINE).join('\r\n'))
    },
    close() {
      if (!isOpen) return
      isOpen = false
      stdin.off('data', read)
      stdin.pause()
      stdout.off('resize', onResize)
      setRawMode(false)
      stdout.write(LEAVE)
    },
  }
}
