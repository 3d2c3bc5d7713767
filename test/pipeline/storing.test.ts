import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, freshTrace, hex, startClient } from './client.ts'
import { aSpan, encodeProtobuf, type SampleSpan } from './encode.ts'
import { UNASKED_ATTRIBUTES } from './entries.ts'

let client: Client
beforeAll(async () => {
  client = await startClient()
})
afterAll(() => client?.scene.stop())

describe('storing', () => {
  it('pipeline - a batch that is sent again is stored once', async () => {
    const trace = freshTrace()
    const body = client.bodyOf({ attributes: UNASKED_ATTRIBUTES, trace })
    for (let time = 0; time < 3; time++) expect((await client.post(body)).status).toBe(200)
    expect(await client.countSpans(trace)).toBe(1)
  })

  it.each([
    ['its name', { 'gen_ai.agent.name': 'Clerk', 'gen_ai.agent.id': 'shop-agent' }, 'Clerk'],
    ['its id, where it has no name', { 'gen_ai.agent.id': 'shop-agent' }, 'shop-agent'],
    ['nothing, where it says neither', {}, ''],
  ])('pipeline - an actor is called by %s', async (_, words, agent) => {
    const trace = freshTrace()
    await client.post(client.bodyOf({ attributes: { ...UNASKED_ATTRIBUTES, ...words }, trace }))
    expect(
      await client.scene.store.query('SELECT agent FROM holdpoint_actions WHERE trace_id = {trace:String}', {
        trace: trace.traceId,
      }),
    ).toEqual([{ agent }])
  })

  it('pipeline - a malformed body stores nothing', async () => {
    const trace = freshTrace()
    const body = client.bodyOf({ attributes: {}, trace })
    expect((await client.post(body.subarray(0, -1))).status).toBe(400)
    expect((await client.post(Buffer.concat([body, Buffer.from([7])]))).status).toBe(400)
    expect(await client.countSpans(trace)).toBe(0)
  })

  it.each<[string, SampleSpan]>([
    ['a trace id of zeros', { traceId: '0'.repeat(32) }],
    ['a short trace id', { traceId: 'abcd' }],
    ['no trace id', { traceId: '' }],
    ['a span id of zeros', { spanId: '0'.repeat(16) }],
    ['a long span id', { spanId: 'a'.repeat(18) }],
    ['a crooked parent', { parentSpanId: 'ab' }],
    ['a time beyond what is stored', { startNs: 2n ** 63n }],
  ])('pipeline - a span with %s is rejected, its neighbour is stored', async (_, broken) => {
    const trace = freshTrace()
    const spans = [aSpan({ ...trace, name: 'good' }), aSpan({ ...freshTrace(), ...broken })]
    const response = await fetch(client.endpoint(), {
      method: 'POST',
      body: JSON.stringify({
        resourceSpans: [
          {
            scopeSpans: [
              {
                spans: spans.map(({ startNs, endNs, ...span }) => ({
                  ...span,
                  startTimeUnixNano: String(startNs),
                  endTimeUnixNano: String(endNs),
                })),
              },
            ],
          },
        ],
      }),
      headers: { 'content-type': 'application/json' },
    })
    expect(response.status).toBe(200)
    const { partialSuccess } = (await response.json()) as {
      partialSuccess: { rejectedSpans: string; errorMessage: string }
    }
    expect(partialSuccess.rejectedSpans).toBe('1')
    expect(partialSuccess.errorMessage).not.toBe('')
    expect(await client.countSpans(trace)).toBe(1)
  })

  it('pipeline - spans of more days than one insert takes are rejected in part, the rest is stored', async () => {
    const { traceId } = freshTrace()
    const spans = Array.from({ length: 120 }, (_, day) =>
      aSpan({ traceId, spanId: hex(16), startNs: BigInt(day + 20_000) * 86_400_000_000_000n, endNs: 0n }),
    )
    const response = await fetch(client.endpoint(), {
      method: 'POST',
      body: gzipSync(encodeProtobuf({ spans })),
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' },
    })
    expect(response.status).toBe(200)
    expect(Buffer.from(await response.arrayBuffer()).toString()).toContain(
      '88 × one request may span 32 different days',
    )
  })

  it('pipeline - while the store is down a batch is refused for now, and taken afterwards', async () => {
    let down = true
    const other = await client.scene.startPipeline({
      store: {
        insertRows: async (block, token) => {
          if (down) throw new Error('connection refused')
          await client.scene.store.insertRows(block, token)
        },
      },
    })
    const to = `http://127.0.0.1:${other.httpPort()}/v1/traces`
    const trace = freshTrace()
    const body = client.bodyOf({ attributes: UNASKED_ATTRIBUTES, trace })
    const refused = await client.post(body, to)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    expect((await client.read(trace)).finding).toBeUndefined()
    down = false
    expect((await client.post(body, to)).status).toBe(200)
    expect((await client.read(trace)).finding).toMatchObject({ request_id: '' })
    await other.stop()
  })

  it('pipeline - every ledger entry is stored once, whichever pipeline came first', async () => {
    const { requestId } = await client.approvedRequest()
    const second = await client.scene.startPipeline()
    const count = async (): Promise<number[]> => {
      const rows = await client.scene.store.query<{ rows: string; distinct: string }>(
        'SELECT count() AS rows, uniqExact(ledger_index) AS distinct FROM holdpoint_ledger FINAL WHERE request_id = {requestId:String}',
        { requestId },
      )
      return [Number(rows[0]?.rows), Number(rows[0]?.distinct)]
    }
    await expect.poll(count).toEqual([4, 4])
    await second.stop()
    expect(await count()).toEqual([4, 4])
  })
})

describe('a ledger that contradicts itself', () => {
  it('pipeline - spans are still stored, and no action is verified or allowed any more', async () => {
    const { trace, attributes } = await client.approvedRequest()
    await client.scene.corrupt()
    expect((await client.send({ attributes, trace })).finding?.verification).toBe('unverifiable')
    const allowed = { ...UNASKED_ATTRIBUTES, 'gen_ai.tool.name': 'lookup_customer' }
    expect((await client.send({ attributes: allowed })).finding?.verification).toBe('unverifiable')
    const plain = freshTrace()
    expect(
      (await client.post(client.bodyOf({ attributes: {}, trace: plain, span: { name: 'GET /' } }))).status,
    ).toBe(200)
    expect(await client.countSpans(plain)).toBe(1)
    expect(client.scene.log.lines.map(({ message }) => message)).toContain(
      'the ledger cannot be followed any more',
    )
  })
})
