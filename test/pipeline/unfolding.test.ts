import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SpanRow } from '#store'
import { type Client, freshTrace, hex, startClient } from './client.ts'
import { aSpan, encodeProtobuf } from './encode.ts'

let client: Client
beforeAll(async () => {
  client = await startClient()
})
afterAll(() => client?.scene.stop())

const MIB = 2 ** 20
const spansOf = (count: number) => {
  const { traceId } = freshTrace()
  return Array.from({ length: count }, () => aSpan({ traceId, spanId: hex(16), name: 'GET /' }))
}

/** Sends it to a pipeline that stores nothing, and says what it would have stored: characters of each insert. */
async function unfold(body: Uint8Array): Promise<{ answer: string; inserts: number[]; tokens: string[] }> {
  const inserts: number[] = []
  const tokens: string[] = []
  const insertSpans = async (rows: readonly SpanRow[], token: string) => {
    tokens.push(token)
    inserts.push(
      rows.reduce((sum, row) => sum + row.ScopeName.length + (row.ResourceAttributes.big?.length ?? 0), 0),
    )
  }
  const pipeline = await client.scene.startPipeline({ store: { insertSpans } })
  const response = await client.post(body, client.endpoint(pipeline))
  const answer = `${response.status} ${Buffer.from(await response.arrayBuffer()).toString()}`
  await pipeline.stop()
  return { answer, inserts, tokens }
}

describe('what a resource or a scope says is stored with each of its spans', () => {
  it('pipeline - a batch that unfolds is stored in several inserts, each under its own token, the same each time', async () => {
    const body = encodeProtobuf({ resource: { big: 'x'.repeat(MIB) }, spans: spansOf(100) })
    const { answer, inserts, tokens } = await unfold(body)
    expect(answer).toBe('200 ')
    expect(Math.max(...inserts)).toBeLessThanOrEqual(33 * MIB)
    expect(inserts.reduce((sum, one) => sum + one)).toBe(100 * MIB)
    expect(new Set(tokens).size).toBe(tokens.length)
    expect((await unfold(body)).tokens).toEqual(tokens)
  })

  it.each([
    ['resource', (spans: object[]) => ({ resource: { big: 'x'.repeat(MIB) }, spans })],
    ['scope', (spans: object[]) => ({ scope: { name: 'x'.repeat(MIB), version: '1' }, spans })],
    ['escaped text', (spans: object[]) => ({ resource: { big: '\u0001'.repeat(MIB / 4) }, spans })],
  ])(
    'pipeline - what would unfold without end is rejected, and not asked for again: %s',
    async (_, batchOf) => {
      const { answer, inserts } = await unfold(encodeProtobuf(batchOf(spansOf(400))))
      expect(answer).toMatch(/^200 [\s\S]*× its resource and scope, repeated for each span/)
      expect(inserts.reduce((sum, one) => sum + one)).toBeLessThanOrEqual(256 * MIB)
    },
  )

  it('pipeline - a batch stored in several inserts is there once, however often it is sent', async () => {
    const spans = spansOf(40)
    const body = encodeProtobuf({ resource: { big: 'x'.repeat(MIB) }, spans })
    for (let time = 0; time < 2; time++) expect((await client.post(body)).status).toBe(200)
    expect(await client.countSpans({ traceId: spans[0]?.traceId ?? '', spanId: '' })).toBe(40)
  })
})
