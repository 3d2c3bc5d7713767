import { expect, test } from 'vitest'
import { createAccept } from '../../src/pipeline/accept.ts'
import { digestRequest } from '../../src/pipeline/buffer/message.ts'
import type { Admitted } from '../../src/pipeline/buffer/publish.ts'
import { aSpan, encodeProtobuf } from './encode.ts'

const spans = (count: number) =>
  encodeProtobuf({
    resource: { 'service.name': 'shop' },
    spans: Array.from({ length: count }, (_, number) =>
      aSpan({
        spanId: String(number + 1).padStart(16, '0'),
        name: 'x'.repeat(1_000),
      }),
    ),
  })

/** What a pipeline whose NATS takes messages of so many bytes makes of a request. */
async function kept(body: Uint8Array, maxPieceBytes: number): Promise<Admitted> {
  let found: Admitted | undefined
  const accept = createAccept({
    keep: async (request) => {
      found = request
    },
    maxPieceBytes: () => maxPieceBytes,
    onRejected: () => {},
  })
  await accept({ signal: 'traces', body }, 1)
  if (found === undefined) throw new Error('nothing was kept')
  return found
}

test('accept - what fits into one message has one name, whatever else would fit into it', async () => {
  const body = spans(3)
  const [one, other] = [await kept(body, 10_000), await kept(body, 1_000_000)]
  expect([one.pieces.length, other.pieces.length]).toEqual([1, 1])
  expect(one.digest).toBe(other.digest)
})

test('accept - a request that is cut otherwise has another name: no piece is taken for one that has other spans', async () => {
  const body = spans(12)
  const names = await Promise.all(
    [4_000, 5_000, 1_000_000].map(async (bytes) => (await kept(body, bytes)).digest),
  )
  expect(new Set(names).size).toBe(3)
  expect((await kept(body, 4_000)).digest).toBe(names[0])
})

test('accept - one signal is not another, and one more span another request', async () => {
  const { digest } = await kept(spans(3), 10_000)
  expect((await kept(spans(4), 10_000)).digest).not.toBe(digest)
  const [piece] = (await kept(spans(3), 10_000)).pieces
  expect(digestRequest('logs', [piece as Uint8Array])).not.toBe(digest)
})
