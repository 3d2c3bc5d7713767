import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HoldpointError, TELEMETRY_CURSOR_STREAM, TELEMETRY_DEAD_STREAM, TELEMETRY_STREAM } from '#contract'
import {
  away,
  type Buffering,
  type Faults,
  losingAnswers,
  pausable,
  refusing,
  request,
  startBuffering,
  textsOf,
  times,
  WAITING,
} from './buffering.ts'

let scene: Buffering
beforeAll(async () => {
  scene = await startBuffering()
})
afterAll(() => scene?.stop())

const { fresh, once, storedOf, allOnce } = textsOf(() => scene)

/** Something that has begun, and goes on only when it is told to. */
function stall() {
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  return {
    reached: reached.promise,
    release: released.resolve,
    async here() {
      reached.resolve()
      await released.promise
    },
  }
}

test.each<keyof Faults>(['prepare', 'before', 'after'])(
  'buffer - a writer that dies at “%s” is followed by another one, and all is stored once',
  async (step) => {
    const stalled = stall()
    const line = await scene.connect()
    const first = await scene.start({ nc: line, faults: { [step]: times(1, stalled.here) } })
    const texts = fresh(3)
    await first.accept(request(texts))
    await stalled.reached
    await line.close()
    const second = await scene.start()
    await allOnce(texts)
    // And should it only have been cut off: what it still does changes nothing.
    stalled.release()
    await first.stop()
    await second.accept(request(['one more', ...texts.map((text) => `${text}!`)]))
    await allOnce(texts.map((text) => `${text}!`))
    expect(await storedOf(texts)).toEqual(once(texts))
    await second.stop()
  },
)

test('buffer - a writer that was paused asks whose the lane is before it inserts', async () => {
  const stalled = stall()
  const line = pausable(await scene.connect())
  const inserts: string[] = []
  const paused = await scene.start({
    nc: line.nc,
    faults: { prepare: times(1, stalled.here), before: ({ token }) => void inserts.push(token) },
  })
  const texts = fresh(2)
  await paused.accept(request(texts))
  await stalled.reached
  line.pause()
  const other = await scene.start()
  await allOnce(texts)
  line.goOn()
  stalled.release()
  await expect
    .poll(() => scene.log.lines.map(({ message }) => message), WAITING)
    .toContain('another pipeline has taken this lane over')
  expect(inserts).toEqual([])
  await Promise.all([paused.stop(), other.stop()])
  expect(await storedOf(texts)).toEqual(once(texts))
})

test('buffer - a writer that stops while the store is away leaves its batch to the next one at once', async () => {
  const first = await scene.start({ takeoverMs: 60_000, faults: { before: away } })
  const texts = fresh(2)
  await first.accept(request(texts))
  await expect.poll(() => scene.log.lines.at(-1)?.message, WAITING).toMatch(/waits/)
  await first.stop()
  const second = await scene.start({ takeoverMs: 60_000 })
  await allOnce(texts)
  await second.stop()
})

test('buffer - a writer from which the store takes nothing lets others have the lane', async () => {
  let laterMs = 0
  const cutOff = await scene.start({
    takeoverMs: 60_000,
    elapsed: () => performance.now() + laterMs,
    faults: { before: away },
  })
  const texts = fresh(2)
  await cutOff.accept(request(texts))
  await expect.poll(() => scene.log.lines.at(-1)?.message, WAITING).toMatch(/still waits/)
  const other = await scene.start({ takeoverMs: 60_000 })
  laterMs = 31_000
  await allOnce(texts)
  await Promise.all([cutOff.stop(), other.stop()])
})

test('buffer - answers that are lost lose and double nothing', async () => {
  const lossy = losingAnswers(await scene.connect(), 0.25)
  const buffer = await scene.start({ nc: lossy.nc })
  lossy.begin()
  const texts = fresh(30)
  for (const text of texts) {
    const sent = request([text, `${text} and more`])
    while (
      !(await buffer.accept(sent).then(
        () => true,
        (error: HoldpointError) => !error.retryable,
      ))
    );
  }
  await allOnce([...texts, ...texts.map((text) => `${text} and more`)])
  await buffer.stop()
})

test('buffer - what a table refuses after another has its part is nobody’s dead letter: it waits', async () => {
  const refusal = (): never => {
    throw new HoldpointError('INVALID_INPUT', 'UNKNOWN_TABLE')
  }
  const buffer = await scene.start({ faults: { after: times(2, refusal) } })
  const texts = fresh(2)
  await buffer.accept(request(texts))
  await allOnce(texts)
  await buffer.stop()
  const { state } = await (await jetstreamManager(scene.nc)).streams.info(TELEMETRY_DEAD_STREAM)
  expect(state.messages).toBe(0)
})

test('buffer - a batch that was taken apart is taken apart by whoever goes on with it, though nothing is wrong with it now', async () => {
  const stalled = stall()
  const line = await scene.connect()
  const first = await scene.start({
    nc: line,
    lingerMs: 100,
    faults: { prepare: refusing('poison'), after: times(1, stalled.here) },
  })
  const texts = [...fresh(1), 'poison', ...fresh(2)]
  await first.accept(request(texts))
  await stalled.reached
  await line.close()
  const second = await scene.start()
  await allOnce(texts)
  stalled.release()
  await Promise.all([first.stop(), second.stop()])
})

test('buffer - a batch has at most so many items', async () => {
  const sizes: number[] = []
  const buffer = await scene.start({
    lingerMs: 200,
    faults: { before: ({ pieces }) => void sizes.push(pieces.length) },
  })
  const texts = fresh(5)
  await Promise.all(texts.map((text) => buffer.accept({ ...request([text]), items: 12_000 })))
  await allOnce(texts)
  await buffer.stop()
  expect(Math.max(...sizes)).toBe(2)
})

test('buffer - without its cursor a lane is read from its beginning, whatever was read ahead', async () => {
  const { streams } = await jetstreamManager(scene.nc)
  const texts = fresh(3)
  let isAway = true
  const buffer = await scene.start({
    lingerMs: 200,
    faults: {
      before: ({ pieces }) =>
        isAway && pieces.some(({ body }) => Buffer.from(body).toString() === texts[0]) ? away() : undefined,
    },
  })
  for (const text of texts) await buffer.accept({ ...request([text]), items: 12_000 })
  await expect.poll(() => scene.log.lines.at(-1)?.message, WAITING).toMatch(/still waits/)
  const from = scene.log.lines.length
  await streams.delete(TELEMETRY_CURSOR_STREAM)
  await scene.addStreams()
  await expect
    .poll(() => scene.log.lines.slice(from).map(({ message }) => message), WAITING)
    .toContain('another pipeline has taken this lane over')
  isAway = false
  await allOnce(texts)
  await buffer.stop()
})

test('buffer - what is stored leaves the stream when its time is over', async () => {
  const buffer = await scene.start({ keepMs: 0 })
  const texts = fresh(3)
  await buffer.accept(request(texts))
  await allOnce(texts)
  const { streams } = await jetstreamManager(scene.nc)
  const ofLane = async () => {
    const { state } = await streams.info(TELEMETRY_STREAM, { subjects_filter: 'hp.v1.telemetry.0.>' })
    return state.subjects ?? {}
  }
  await expect.poll(ofLane, WAITING).toEqual({})
  await buffer.stop()
})

test('buffer - a stream that was made anew is begun anew', async () => {
  const buffer = await scene.start()
  const before = fresh(3)
  await buffer.accept(request(before))
  await allOnce(before)
  await (await jetstreamManager(scene.nc)).streams.delete(TELEMETRY_STREAM)
  await scene.addStreams()
  const after = fresh(1)
  await buffer.accept(request(after))
  await allOnce([...before, ...after])
  await buffer.stop()
})

test('buffer - NATS away is told at once; requests from before a restart of it are known after', async () => {
  const stalled = stall()
  const buffer = await scene.start({
    faults: { before: (batch) => (hasStored ? times(1, stalled.here)(batch) : undefined) },
  })
  let hasStored = false
  const earlier = fresh(2)
  await buffer.accept(request(earlier))
  await allOnce(earlier)
  hasStored = true
  const texts = fresh(3)
  await buffer.accept(request(texts))
  await stalled.reached
  const startAgain = await scene.stopNats()
  await expect(buffer.accept(request(fresh(1)))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    retryable: true,
  })
  stalled.release()
  await startAgain()
  await allOnce(texts)
  const again = () => buffer.accept(request(texts)).then(() => 'accepted')
  await expect.poll(() => again().catch(() => 'not yet'), WAITING).toBe('accepted')
  await buffer.accept(request(earlier))
  const more = fresh(1)
  await buffer.accept(request(more))
  await allOnce(more)
  expect(await storedOf([...earlier, ...texts])).toEqual(once([...earlier, ...texts]))
  await buffer.stop()
})

test('buffer - a full buffer asks to come again, keeps what it has, and takes more once it is stored', async () => {
  const { streams } = await jetstreamManager(scene.nc)
  await streams.delete(TELEMETRY_STREAM)
  await scene.addStreams(2 ** 20)
  let isAway = true
  const buffer = await scene.start({
    bufferBytes: 2 ** 20,
    faults: { before: () => (isAway ? away() : undefined) },
  })
  const large = (text: string) => `${text} ${'x'.repeat(200_000)}`
  const accepted: string[] = []
  const refused: string[] = []
  for (const text of fresh(8).map(large))
    await buffer.accept(request([text])).then(
      () => accepted.push(text),
      (error: HoldpointError) => error.retryable && refused.push(text),
    )
  expect([accepted.length, refused.length]).toEqual([5, 3])
  isAway = false
  await allOnce(accepted)
  for (const text of refused)
    await expect.poll(() => buffer.accept(request([text])).then(() => 'accepted'), WAITING).toBe('accepted')
  await allOnce([...accepted, ...refused])
  await buffer.stop()
})
