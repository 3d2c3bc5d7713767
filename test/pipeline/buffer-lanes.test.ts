import { afterAll, beforeAll, test } from 'vitest'
import { away, type Buffering, request, startBuffering, textsOf } from './buffering.ts'

let scene: Buffering
beforeAll(async () => {
  scene = await startBuffering()
})
afterAll(() => scene?.stop())

const { fresh, allOnce } = textsOf(() => scene)

test('buffer - several pipelines share lanes, and each message is stored by one of them', async () => {
  const buffers = await Promise.all([1, 2, 3].map(() => scene.start({ lanes: 2 })))
  const texts = fresh(60)
  await Promise.all(texts.map((text, index) => buffers[index % 3]?.accept(request([text]))))
  await allOnce(texts)
  await Promise.all(buffers.map((buffer) => buffer.stop()))
})

test('buffer - what stands in lanes that are no longer configured is stored, too', async () => {
  const before = await scene.start({ lanes: 8, faults: { before: away } })
  const texts = fresh(20)
  for (const text of texts) await before.accept(request([text]))
  await before.stop()
  const after = await scene.start({ lanes: 1 })
  await allOnce(texts)
  await after.stop()
})

test('buffer - what another pipeline has put into a lane of its own is stored after it has gone, too', async () => {
  const few = await scene.start({ lanes: 1, lanesMs: 50 })
  const many = await scene.start({ lanes: 4, faults: { before: away } })
  const texts = fresh(20)
  await Promise.all(texts.map((text) => many.accept(request([text]))))
  await many.stop()
  await allOnce(texts)
  await few.stop()
})
