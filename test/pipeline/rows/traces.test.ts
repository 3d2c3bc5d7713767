import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RowBlock } from '#store'
import { decodeSpan } from '../../../src/pipeline/otlp/protobuf.ts'
import type { Rewritten, TraceRanges } from '../../../src/pipeline/otlp/ranges.ts'
import { scanTraces } from '../../../src/pipeline/otlp/scan.ts'
import { traceBlocks } from '../../../src/pipeline/rows/traces.ts'
import { aSpan, encodeProtobuf, type SampleSpan, START_NS } from '../encode.ts'
import { anyTraces } from './random-spans.ts'

const NOTHING: Rewritten = { spans: new Map(), resources: new Map() }

/** As though every span and every resource had been rewritten, to what it was. */
const everything = ({ body, resources }: TraceRanges): Rewritten => ({
  resources: new Map(resources.map((resource) => [resource, resource.attributes()])),
  spans: new Map(
    resources.flatMap(({ scopes }) =>
      scopes.flatMap(({ spans }) => spans.map((span) => [span, decodeSpan(body, span)] as const)),
    ),
  ),
})

const blocksOf = (ranges: TraceRanges, rewritten = NOTHING): RowBlock[] => [
  ...traceBlocks([ranges], [rewritten]),
]
const hexOf = (blocks: RowBlock[]): string[] => blocks.map(({ data }) => Buffer.from(data).toString('hex'))

describe('spans become rows', () => {
  it('rows - a span that is copied and one that was decoded give the same bytes', () => {
    fc.assert(
      fc.property(anyTraces, (body) => {
        const ranges = scanTraces(body, [])
        expect(hexOf(blocksOf(ranges))).toEqual(hexOf(blocksOf(ranges, everything(ranges))))
      }),
      { numRuns: 300 },
    )
  })

  it('rows - what was rewritten is written in the place of what came, and nothing else is', () => {
    const ranges = scanTraces(
      encodeProtobuf({
        resource: { 'service.name': 'shop', 'holdpoint.verification': 'verified' },
        spans: [aSpan({ name: 'one' }), aSpan({ name: 'two' })],
      }),
      [],
    )
    const resource = ranges.resources[0]
    const range = resource?.scopes[0]?.spans[1]
    if (!resource || !range) throw new Error('nothing was scanned')
    const [block] = blocksOf(ranges, {
      resources: new Map([[resource, new Map([['service.name', 'store']])]]),
      spans: new Map([[range, { ...decodeSpan(ranges.body, range), name: 'three' }]]),
    })
    const text = Buffer.from(block?.data ?? []).toString('latin1')
    expect(['one', 'two', 'three', 'shop', 'store', 'verified'].map((word) => text.includes(word))).toEqual([
      true,
      false,
      true,
      false,
      true,
      false,
    ])
  })
})

describe('blocks', () => {
  const DAY_NS = 86_400_000_000_000n
  const rowsOf = (spans: SampleSpan[], resource = {}): number[] =>
    blocksOf(scanTraces(encodeProtobuf({ spans, resource }), [])).map(({ rows }) => rows)

  it('rows - no block has more than 25,000 of them', () => {
    expect(rowsOf(Array.from({ length: 50_001 }, () => aSpan({ name: 'x' })))).toEqual([25_000, 25_000, 1])
  })

  it('rows - a resource that is repeated beyond what an insert should hold ends the block', () => {
    const resource = { long: 'x'.repeat(1024 * 1024) }
    const blocks = rowsOf(
      Array.from({ length: 70 }, () => aSpan()),
      resource,
    )
    expect(blocks).toEqual([32, 32, 6])
  })

  it('rows - no block has more than fifty days, however they are mixed, and each day is in one', () => {
    const spans = Array.from({ length: 400 }, (_, index) =>
      aSpan({ startNs: BigInt(20_000 + ((index * 7) % 120)) * DAY_NS, endNs: 0n }),
    )
    const blocks = blocksOf(scanTraces(encodeProtobuf({ spans }), []))
    expect(blocks.map(({ rows }) => rows).reduce((sum, rows) => sum + rows)).toBe(400)
    expect(blocks.length).toBe(3)
  })

  it('rows - verdicts that are longer or shorter leave the blocks as they are', () => {
    const spans = Array.from({ length: 120 }, () => aSpan({ attributes: { long: 'x'.repeat(600_000) } }))
    const ranges = scanTraces(encodeProtobuf({ spans }), [])
    const rewritten = everything(ranges)
    for (const span of rewritten.spans.values()) span.attributes.set('long', 'x')
    const counts = blocksOf(ranges).map(({ rows }) => rows)
    expect(counts.length).toBeGreaterThan(1)
    expect(blocksOf(ranges, rewritten).map(({ rows }) => rows)).toEqual(counts)
  })

  it('rows - the same requests give the same blocks', () => {
    const ranges = scanTraces(encodeProtobuf({ spans: [aSpan({ startNs: START_NS })] }), [])
    expect(hexOf(blocksOf(ranges))).toEqual(hexOf(blocksOf(ranges)))
  })

  it('rows - nothing gives no block', () => {
    expect(blocksOf(scanTraces(new Uint8Array(), []))).toEqual([])
  })
})
