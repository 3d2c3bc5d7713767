import { expect, test } from 'vitest'
import { parse } from '#contract'
import type { RowPlace } from '#store'
import { cursorShape, pageOf } from '../../src/console/investigate/paging.ts'

interface Page {
  after: RowPlace | undefined
  most: number
}

/** As the queries have them: by time, the newest first, then by trace, span and what else tells them apart. */
const storeOf = (rows: readonly RowPlace[], asked: Page[] = []) => {
  const sorted = rows.toSorted(inOrder)
  return async (page: Page): Promise<RowPlace[]> => {
    asked.push(page)
    const { after, most } = page
    return sorted.filter((row) => after === undefined || inOrder(row, after) > 0).slice(0, most)
  }
}
const inOrder = (a: RowPlace, b: RowPlace): number =>
  b.at - a.at || compare(a.trace_id, b.trace_id) || compare(a.span_id, b.span_id) || compare(a.tie, b.tie)
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
const row = (at: number, trace: number, more: Partial<RowPlace> = {}): RowPlace => ({
  at,
  trace_id: trace.toString(16).padStart(32, '0'),
  span_id: '0'.repeat(16),
  tie: 'A'.repeat(16),
  ...more,
})

async function walk(rows: readonly RowPlace[], size: number) {
  const asked: Page[] = []
  const ask = storeOf(rows, asked)
  const seen: RowPlace[] = []
  for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
    const page = await pageOf(ask, {
      size,
      after: after === undefined ? undefined : parse(cursorShape, after, 'test'),
    })
    expect(page.rows.length).toBeLessThanOrEqual(size)
    seen.push(...page.rows)
    after = page.after
  }
  return { seen, asked }
}

test('paging - rows of one moment, of one trace and of one span are each there once, in their order', async () => {
  const rows = [
    ...Array.from({ length: 300 }, (_, index) => row(500, index)),
    ...Array.from({ length: 20 }, (_, index) => row(499, 7, { tie: `${index}`.padStart(16, '0') })),
    row(499, 7, { span_id: 'f'.repeat(16) }),
    row(499, 7, { trace_id: '', span_id: '' }),
    row(1, 1),
    row(0, 0),
  ]
  for (const size of [1, 7, 50]) {
    const { seen, asked } = await walk(rows, size)
    expect(seen).toEqual(rows.toSorted(inOrder))
    // Each once, and for one row more than it shows.
    expect(asked.map(({ most }) => most)).toEqual(
      Array.from({ length: Math.ceil(rows.length / size) }, () => size + 1),
    )
  }
})

test('paging - a page that is full to its last row has none behind it', async () => {
  const rows = Array.from({ length: 10 }, (_, index) => row(index, index))
  const page = await pageOf(storeOf(rows), { size: 10, after: undefined })
  expect([page.rows.length, page.after]).toEqual([10, undefined])
  expect((await pageOf(storeOf([]), { size: 10, after: undefined })).after).toBeUndefined()
})

test('paging - a moment that somebody crowds hides nothing that was before, nor any of its own', async () => {
  const rows = [...Array.from({ length: 12_000 }, (_, index) => row(500, index)), row(400, 1), row(300, 1)]
  const { seen } = await walk(rows, 3_000)
  expect(seen).toEqual(rows.toSorted(inOrder))
})

test('paging - what no page has given out is no place', () => {
  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  expect(parse(cursorShape, encoded([1, '', '', 'a']), 'test')).toEqual({
    ...{ at: 1, trace_id: '', span_id: '', tie: 'a' },
  })
  for (const text of [
    '',
    '!',
    encoded([]),
    encoded([1.5, '', '', 'a']),
    encoded([-1, '', '', 'a']),
    encoded([1e13, '', '', 'a']),
    encoded(['1', '', '', 'a']),
    encoded([1, '', '', '']),
    encoded([1, '', '', 'a', 'b']),
  ])
    expect(() => parse(cursorShape, text, 'test'), text).toThrow(/the `after` of the page before/)
  for (const value of [[1, '', 2, 'a'], [1, '', ''], [1, '', '', null], { at: 1 }, null, 'x'.repeat(5_000)])
    expect(() => parse(cursorShape, encoded(value), 'test')).toThrow(/the `after` of the page before/)
})
