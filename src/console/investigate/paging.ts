import type { Shape } from '#contract'
import type { RowPlace } from '#store'

export interface RowPage<Row> {
  rows: Row[]
  /** Where the next page begins, if there is one. */
  after?: string
}

/**
 * One page of rows that go on behind `after`, by their place and not by their number: rows that arrive meanwhile move
 * nothing, and however many bear one moment, each page is asked for once.
 */
export async function pageOf<Row extends RowPlace>(
  ask: (page: { after: RowPlace | undefined; most: number }) => Promise<Row[]>,
  { size, after }: { size: number; after: RowPlace | undefined },
): Promise<RowPage<Row>> {
  const found = await ask({ after, most: size + 1 })
  const rows = found.slice(0, size)
  const last = rows.at(-1)
  return last !== undefined && found.length > size ? { rows, after: cursorText(last) } : { rows }
}

const cursorText = ({ at, trace_id, span_id, tie }: RowPlace): string =>
  Buffer.from(JSON.stringify([at, trace_id, span_id, tie])).toString('base64url')

export const cursorShape: Shape<RowPlace> = (value, at, report) => {
  const found = typeof value === 'string' && value.length <= 1_000 ? decoded(value) : undefined
  return found ?? report(at, 'the `after` of the page before', value)
}

function decoded(text: string): RowPlace | undefined {
  try {
    const place = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[]
    const [at, trace_id, span_id, tie] = place
    const isPlace =
      place.length === 4 &&
      Number.isSafeInteger(at) &&
      (at as number) >= 0 &&
      (at as number) <= 9_999_999_999_999 &&
      [trace_id, span_id, tie].every((one) => typeof one === 'string') &&
      tie !== ''
    return isPlace ? ({ at, trace_id, span_id, tie } as RowPlace) : undefined
  } catch {
    return undefined
  }
}
