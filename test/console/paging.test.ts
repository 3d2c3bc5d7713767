import { expect, test } from 'vitest'
import { parse } from '#contract'
import { cursorShape, type Placed, pageOf } from '../../src/console/investigate/paging.ts'

/** As the queries have them: by time, the newest first, then by trace and span. */
const storeOf = (rows: readonly Placed[]) => {
  const sorted = rows.toSorted(
    (a, b) => b.at - a.at || compare(a.trace_id, b.trace_id) || compare(a.span_id, b.span_id),
  )
  return async (toMs: number, most: number): Promise<Placed[]> =>
    sorted.filter(({ at }) => at <= toMs).slice(0, most)
}
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
const row = (at: number, trace: number, more: Partial<Placed> = {}): Placed => ({
  at,
  trace_id: trace.toString(16).padStart(32, '0'),
  span_id: '0'.repeat(16),
  request_id: '',
  ...more,
})

async function walk(rows: readonly Placed[], size: number): Promise<{ seen: Placed[]; crowded: number[] }> {
  const ask = storeOf(rows)
  const seen: Placed[] = []
  const crowded: number[] = []
  for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
    const cursor = after === undefined ? undefined : parse(cursorShape, after, 'test')
    const page = await pageOf(ask, { size, toMs: 1_000_000, after: cursor })
    expect(page.rows.length).toBeLessThanOrEqual(Math.max(size, 0))
    seen.push(...page.rows)
    if (page.crowdedMs !== undefined) crowded.push(page.crowdedMs)
    after = page.after
  }
  return { seen, crowded }
}

test('paging - rows of one moment, of one trace and of one span are each there once', async () => {
  const rows = [
    ...Array.from({ length: 300 }, (_, index) => row(500, index)),
    ...Array.from({ length: 20 }, (_, index) => row(499, 7, { request_id: `1-${index}` })),
    row(499, 7, { span_id: 'f'.repeat(16) }),
    row(1, 1),
    row(0, 0),
  ]
  for (const size of [1, 7, 50]) {
    const { seen, crowded } = await walk(rows, size)
    expect(new Set(seen)).toEqual(new Set(rows))
    expect(seen).toHaveLength(rows.length)
    expect(crowded).toEqual([])
  }
})

test('paging - a page that is full to its last row has none behind it', async () => {
  const rows = Array.from({ length: 10 }, (_, index) => row(index, index))
  const page = await pageOf(storeOf(rows), { size: 10, toMs: 100, after: undefined })
  expect([page.rows.length, page.after]).toEqual([10, undefined])
  expect((await pageOf(storeOf([]), { size: 10, toMs: 100, after: undefined })).after).toBeUndefined()
})

test('paging - a moment that somebody crowds is said, and hides nothing that was before', async () => {
  const rows = [...Array.from({ length: 12_000 }, (_, index) => row(500, index)), row(400, 1), row(300, 1)]
  const { seen, crowded } = await walk(rows, 3_000)
  expect(crowded).toEqual([500])
  expect(seen.filter(({ at }) => at < 500)).toHaveLength(2)
  expect(seen).toHaveLength(10_002)
})

test('paging - what no page has given out is no place', () => {
  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const text of [
    '',
    '!',
    encoded([]),
    encoded([1.5, '', '']),
    encoded([-1, '', '']),
    encoded(['1', '', '']),
  ])
    expect(() => parse(cursorShape, text, 'test'), text).toThrow(/the `after` of the page before/)
  for (const value of [[1, '', 2], [1, ''], [1, '', '', null], { at: 1 }, null, 'x'.repeat(5_000)])
    expect(() => parse(cursorShape, encoded(value), 'test')).toThrow(/the `after` of the page before/)
})
