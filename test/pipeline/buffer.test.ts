import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDeadLetters } from '../../src/pipeline/buffer/dead-letters.ts'
import { createLine } from '../../src/pipeline/buffer/line.ts'
import { away, type Buffering, refusing, request, startBuffering, times, WAITING } from './buffering.ts'

let scene: Buffering
beforeAll(async () => {
  scene = await startBuffering()
})
afterAll(() => scene?.stop())

const once = (...texts: string[]) => Object.fromEntries(texts.map((text) => [text, 1]))

test('buffer - what was accepted is stored, once, also when it is sent again', async () => {
  const buffer = await scene.start()
  const sent = request(['a1', 'a2', 'a3'])
  for (let time = 0; time < 3; time++) await buffer.accept(sent)
  await expect.poll(scene.stored, WAITING).toMatchObject(once('a1', 'a2', 'a3'))
  await buffer.accept(sent)
  await buffer.accept(request(['a4']))
  await expect.poll(scene.stored, WAITING).toMatchObject(once('a1', 'a2', 'a3', 'a4'))
  await buffer.stop()
})

test('buffer - a store that is away is waited for, and its reason is said once', async () => {
  const buffer = await scene.start({ faults: { before: times(3, away) } })
  await buffer.accept(request(['b1']))
  await expect.poll(scene.stored, WAITING).toMatchObject(once('b1'))
  await buffer.stop()
  const said = scene.log.lines.filter(({ message }) => message.startsWith('storing telemetry'))
  expect(said.filter(({ level }) => level === 'error')).toHaveLength(1)
  expect(said.at(-1)).toMatchObject({ level: 'info', message: 'storing telemetry goes on' })
})

test('buffer - a piece that is refused goes to the dead letters with the reason, its neighbours are stored', async () => {
  const buffer = await scene.start({ faults: { prepare: refusing('poison') }, lingerMs: 100 })
  await buffer.accept(request(['c1', 'poison', 'c2']))
  await expect.poll(scene.stored, WAITING).toMatchObject(once('c1', 'c2'))
  const letters = createDeadLetters({ line: createLine({ nc: scene.nc }), now: Date.now })
  await expect
    .poll(letters.list, WAITING)
    .toMatchObject([{ signal: 'logs', reason: 'poison is refused', bytes: 6 }])
  await buffer.stop()
  expect(await scene.stored()).not.toHaveProperty('poison')

  const [letter] = await letters.list()
  const mended = await scene.start()
  expect(await letters.retry(new Set([letter?.id ?? '']))).toEqual([letter?.id])
  await expect.poll(scene.stored, WAITING).toMatchObject(once('poison', 'c1', 'c2'))
  expect(await letters.list()).toEqual([])
  expect(await letters.drop()).toEqual([])
  await mended.stop()
})
