import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RowBlock } from '#store'
import { type Client, freshTrace, hex, startClient } from './client.ts'
import { aSpan, encodeProtobuf } from './encode.ts'

let client: Client
beforeAll(async () => {
  client = await startClient()
})
afterAll(() => client?.scene.stop())

const MIB = 2 ** 20
/** Small enough to go along in a message, said once and repeated with each span. */
const BIG = 'x'.repeat(MIB / 4)
const spansOf = (count: number) => {
  const { traceId } = freshTrace()
  return Array.from({ length: count }, () => aSpan({ traceId, spanId: hex(16), name: 'GET /' }))
}

/** Sends it to a pipeline that stores nothing, and says what it would have stored: bytes and rows of each insert. */
async function unfold(body: Uint8Array) {
  const inserts: { bytes: number; rows: number; token: string }[] = []
  const insertRows = async ({ data, rows }: RowBlock, token: string) => {
    inserts.push({ bytes: data.length, rows, token })
  }
  const pipeline = await client.scene.startPipeline({ store: { insertRows } })
  const response = await client.post(body, client.endpoint(pipeline))
  const answer = `${response.status} ${Buffer.from(await response.arrayBuffer()).toString()}`
  await pipeline.stop()
  const sum = (of: 'bytes' | 'rows') => inserts.reduce((total, insert) => total + insert[of], 0)
  return {
    answer,
    inserts,
    bytes: sum('bytes'),
    rows: sum('rows'),
    tokens: inserts.map(({ token }) => token),
  }
}

describe('what a resource or a scope says is stored with each of its spans', () => {
  it('pipeline - a batch that unfolds is stored in several inserts, each under its own token, the same each time', async () => {
    const body = encodeProtobuf({ resource: { big: BIG }, spans: spansOf(400) })
    const { answer, inserts, rows, tokens } = await unfold(body)
    expect([answer, rows]).toEqual(['200 ', 400])
    expect(Math.max(...inserts.map(({ bytes }) => bytes))).toBeLessThanOrEqual(33 * MIB)
    expect(inserts.length).toBeGreaterThanOrEqual(4)
    expect(new Set(tokens).size).toBe(tokens.length)
    expect((await unfold(body)).tokens).toEqual(tokens)
  })

  it.each([
    ['resource', (spans: object[]) => ({ resource: { big: BIG }, spans })],
    ['scope', (spans: object[]) => ({ scope: { name: BIG, version: '1' }, spans })],
  ])(
    'pipeline - what would unfold without end is rejected, and not asked for again: %s',
    async (_, batchOf) => {
      const { answer, bytes, rows } = await unfold(encodeProtobuf(batchOf(spansOf(1_600))))
      expect(answer).toMatch(/^200 [\s\S]*× what its resource and scope say, repeated for each item/)
      expect(rows).toBeGreaterThan(900)
      expect(bytes).toBeLessThanOrEqual(257 * MIB)
    },
  )

  it('pipeline - a batch stored in several inserts is there once, however often it is sent', async () => {
    const spans = spansOf(160)
    const body = encodeProtobuf({ resource: { big: BIG }, spans })
    for (let time = 0; time < 2; time++) expect((await client.post(body)).status).toBe(200)
    expect(await client.countSpans({ traceId: spans[0]?.traceId ?? '', spanId: '' })).toBe(160)
  })
})
