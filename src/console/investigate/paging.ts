import { createHash } from 'node:crypto'
import type { Shape } from '#contract'

/** What both queries say of a row's place: they are in the order of `at`, the newest first, then of trace and span. */
export interface Placed {
  /** Milliseconds since the epoch. */
  at: number
  trace_id: string
  span_id: string
  request_id: string
}
export interface RowPage<Row> {
  rows: Row[]
  /** Where the next page begins, if there is one. */
  after?: string
  /** A moment that more rows bear than can be shown: some of them are left out. */
  crowdedMs?: number
}

/**
 * One page of rows that go on behind `after`, by their place and not by their number: rows that arrive meanwhile move
 * nothing. An agent can date very many spans to one millisecond, so a page may have to be asked for with more rows.
 */
export async function pageOf<Row extends Placed>(
  ask: (toMs: number, most: number) => Promise<Row[]>,
  { size, toMs, after }: { size: number; toMs: number; after: Cursor | undefined },
): Promise<RowPage<Row>> {
  for (let most = size + 1; ; most = Math.min(MOST_ROWS, most * 8)) {
    const found = await ask(after?.at ?? toMs, most)
    const rows = after === undefined ? found : found.filter((row) => comesAfter(row, after))
    if (rows.length > size) {
      const shown = rows.slice(0, size)
      return { rows: shown, after: cursorText(behind(shown, after)) }
    }
    if (found.length < most) return { rows }
    if (most === MOST_ROWS) return skipMoment(rows, found)
  }
}
const MOST_ROWS = 10_000

/** Nobody may hide what was before by crowding one moment. */
function skipMoment<Row extends Placed>(rows: Row[], found: readonly Row[]): RowPage<Row> {
  const crowdedMs = (found.at(-1) as Row).at
  return { rows, crowdedMs, after: cursorText({ at: crowdedMs - 1, trace_id: '', span_id: '', passed: [] }) }
}

export interface Cursor extends Omit<Placed, 'request_id'> {
  /** Digests of the requests of that very span and moment that were shown: these come in no order. */
  passed: string[]
}

function comesAfter(row: Placed, last: Cursor): boolean {
  if (row.at !== last.at) return row.at < last.at
  if (row.trace_id !== last.trace_id) return row.trace_id > last.trace_id
  if (row.span_id !== last.span_id) return row.span_id > last.span_id
  return !last.passed.includes(digestOf(row))
}

function behind(shown: readonly Placed[], before: Cursor | undefined): Cursor {
  const { at, trace_id, span_id } = shown.at(-1) as Placed
  const isThere = (row: Omit<Placed, 'request_id'>): boolean =>
    row.at === at && row.trace_id === trace_id && row.span_id === span_id
  const passed = before && isThere(before) ? before.passed : []
  return { at, trace_id, span_id, passed: [...passed, ...shown.filter(isThere).map(digestOf)] }
}

// Whoever claims a request may name it as long as they like.
const digestOf = ({ request_id }: Placed): string =>
  createHash('sha256').update(request_id).digest('base64url').slice(0, 16)

const cursorText = ({ at, trace_id, span_id, passed }: Cursor): string =>
  Buffer.from(JSON.stringify([at, trace_id, span_id, ...passed])).toString('base64url')

export const cursorShape: Shape<Cursor> = (value, at, report) => {
  const found = typeof value === 'string' && value.length <= 4_000 ? decoded(value) : undefined
  return found ?? report(at, 'the `after` of the page before', value)
}

function decoded(text: string): Cursor | undefined {
  try {
    const [at, trace_id, span_id, ...passed] = JSON.parse(
      Buffer.from(text, 'base64url').toString(),
    ) as unknown[]
    const isCursor =
      Number.isSafeInteger(at) &&
      (at as number) >= 0 &&
      [trace_id, span_id, ...passed].every((one) => typeof one === 'string')
    return isCursor ? ({ at, trace_id, span_id, passed } as Cursor) : undefined
  } catch {
    return undefined
  }
}
