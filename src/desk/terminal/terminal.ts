import type { Writable } from 'node:stream'
import { type StyleName, styleText } from './style.ts'

/** What is known of where text goes. */
export interface Terminal {
  isTty: boolean
  columns: number
  rows: number
  style: Style
}

/** Marks up our own words. What an agent wrote is never styled, and cannot style itself. */
export type Style = (name: StyleName, text: string) => string

export const plain: Style = (_, text) => text

const USUAL_COLUMNS = 100
const FEWEST_COLUMNS = 40

/** Colours only at a terminal, and not where `NO_COLOR` (no-color.org) or `TERM=dumb` ask for none. */
export function terminalOf(stream: Writable, env: NodeJS.ProcessEnv): Terminal {
  const { isTTY = false, columns, rows } = stream as Writable & Partial<NodeJS.WriteStream>
  const isColoured = isTTY && !env.NO_COLOR && env.TERM !== 'dumb'
  return {
    isTty: isTTY,
    columns: Math.max(FEWEST_COLUMNS, (isTTY ? columns : undefined) ?? USUAL_COLUMNS),
    rows: Math.max(10, rows ?? 24),
    style: isColoured ? styleText : plain,
  }
}
