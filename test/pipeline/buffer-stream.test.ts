import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cursors, createCursors } from '../../src/pipeline/buffer/cursor.ts'
import { oldestUnstored } from '../../src/pipeline/buffer/lag.ts'
import { createLine } from '../../src/pipeline/buffer/line.ts'
import { createTelemetryStream, type TelemetryStream } from '../../src/pipeline/buffer/stream.ts'
import { type Buffering, losingParts, request, startBuffering, WAITING } from './buffering.ts'

const RECEIVED_AT_MS = Date.UTC(2026, 0, 1)
let scene: Buffering
let stream: TelemetryStream
let cursors: Cursors
/** So that nothing is stored, and nothing leaves the stream. */
const stalled = Promise.withResolvers<void>()
beforeAll(async () => {
  scene = await startBuffering()
  const line = createLine({ nc: scene.nc })
  stream = createTelemetryStream({ line })
  cursors = createCursors({ line })
  const buffer = await scene.start({ lanes: 2, faults: { prepare: () => stalled.promise } })
  for (let number = 0; number < 12; number++)
    await buffer.accept({ ...request([`text ${number}`]), receivedAtMs: RECEIVED_AT_MS + number })
})
afterAll(async () => {
  stalled.resolve()
  await scene?.stop()
})

const MIB = 2 ** 20
const seqsOf = async (lane: number, from = 1, bytes = MIB) =>
  (await stream.next(lane, from, bytes)).map(({ seq }) => seq)

test('buffer stream - a lane is read in order, from any number on, and never beyond it', async () => {
  const [first, second] = [await seqsOf(0), await seqsOf(1)]
  expect([...first, ...second].toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 12 }, (_, index) => index + 1),
  )
  expect(first).toEqual(first.toSorted((a, b) => a - b))
  expect(await seqsOf(0, (first[1] ?? 0) + 1)).toEqual(first.slice(2))
  expect(await seqsOf(0, 13)).toEqual([])
  expect(await seqsOf(2)).toEqual([])
  expect(await stream.lanes()).toEqual([0, 1])
})

test('buffer stream - so many bytes are read at once, and one message at least', async () => {
  const all = await seqsOf(0)
  expect(await seqsOf(0, 1, 1)).toEqual(all.slice(0, 1))
  const some = await seqsOf(0, 1, 200)
  expect(some.length).toBeLessThan(all.length)
  expect(all.slice(0, some.length)).toEqual(some)
})

test('buffer stream - of an answer of which a part was lost on the way, only what comes before it counts', async () => {
  const all = await seqsOf(0)
  const through = async (lost: { at: number; all?: boolean }) => {
    const line = createLine({ nc: losingParts(scene.nc, lost) })
    return (await createTelemetryStream({ line }).next(0, 1, MIB)).map(({ seq }) => seq)
  }
  expect(await through({ at: 1 })).toEqual(all.slice(0, 1))
  expect(await through({ at: all.length - 1 })).toEqual(all.slice(0, -1))
  // A slow line takes several answers, and is no reason to give all of it up.
  expect(await through({ at: 2, all: true })).toEqual(all.slice(0, 2))
  await expect(through({ at: 0 })).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  await expect(through({ at: 0, all: true })).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
})

test('buffer stream - nothing is removed beyond the number, of another lane, or of another stream', async () => {
  const { created } = await stream.info()
  const [first, second] = [await seqsOf(0), await seqsOf(1)]
  for (const to of [0, -1, Number.NaN]) await stream.purge(0, created, to)
  await stream.purge(0, '2020-01-01T00:00:00Z', 12)
  // What was stored up to there stood in the stream before it was put back to a backup.
  await stream.purge(0, created, 13)
  expect([await seqsOf(0), await seqsOf(1)]).toEqual([first, second])
  await stream.purge(0, created, first[1] ?? 0)
  expect([await seqsOf(0), await seqsOf(1)]).toEqual([first.slice(2), second])
  expect([await stream.has(first[0] ?? 0), await stream.has(first[2] ?? 0)]).toEqual([false, true])
})

test('buffer stream - the oldest that is not stored has waited longest, whoever is to store it; what is stored waits no more', async () => {
  const oldest = (...lanes: number[]) => oldestUnstored(lanes, { cursors, stream })
  const [first = 0] = await seqsOf(0)
  const [second = 0] = await seqsOf(1)
  // Numbers begin at 1, and the messages are those of beforeAll in their order.
  expect(await oldest(0)).toBe(RECEIVED_AT_MS + first - 1)
  expect(await oldest(1)).toBe(RECEIVED_AT_MS + second - 1)
  expect(await oldest(0, 1)).toBe(RECEIVED_AT_MS + Math.min(first, second) - 1)
  expect(await oldest(2)).toBeUndefined()
  expect(await oldest()).toBeUndefined()
  stalled.resolve()
  await expect.poll(() => oldest(0, 1), WAITING).toBeUndefined()
  // Kept for a while, and stored all the same.
  expect(await stream.info()).toMatchObject({ lastSeq: 12 })
})
