import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDeadLetters } from '../../src/pipeline/buffer/dead-letters.ts'
import { createLine, type Line } from '../../src/pipeline/buffer/line.ts'
import { type Buffering, startBuffering } from './buffering.ts'
import { encodeProtobuf } from './encode.ts'

let scene: Buffering
let line: Line
beforeAll(async () => {
  scene = await startBuffering()
  line = createLine({ nc: scene.nc })
})
afterAll(() => scene?.stop())

const piece = (body: Uint8Array) => ({ signal: 'traces' as const, body, receivedAtMs: 1, items: 1 })

test('dead letters - the largest piece is kept, whatever its senders are called and its refusal says', async () => {
  const buffer = await scene.start()
  const longest = '\u0001'.repeat(1_000)
  const named = encodeProtobuf({ resource: { 'service.name': longest }, spans: [] })
  const names = Array.from({ length: 30 }, (_, number) => {
    const one = Buffer.from(named)
    one.write(String(number).padStart(3, '0'), one.indexOf('\u0001'))
    return one
  })
  const head = Buffer.concat(names)
  // A field that nobody knows fills it.
  const rest = buffer.maxPieceBytes() - head.length
  const filler = Buffer.alloc(rest, 0x7a)
  filler.set([0xfa, 0x01], 0)
  let length = rest - 5
  for (let at = 2; at < 5; at++, length >>>= 7) filler[at] = (length & 0x7f) | (at < 4 ? 0x80 : 0)
  const letters = createDeadLetters({ line, now: () => 1 })
  await letters.add({ token: 'the worst', piece: piece(Buffer.concat([head, filler])), reason: longest })
  expect(await letters.list()).toMatchObject([{ bytes: buffer.maxPieceBytes(), reason: longest }])
  expect((await letters.list())[0]?.services).toHaveLength(20)
  await letters.drop()
})

test('dead letters - what is refused again while all are sent again is not sent a third time', async () => {
  let refusals = 0
  const refusing: Line = {
    ...line,
    async publish(subject, ...args) {
      const published = await line.publish(subject, ...args)
      if (subject.includes('telemetry.') && refusals++ < 20)
        await letters.add({ token: `again ${refusals}`, piece: piece(Buffer.from('x')), reason: 'refused' })
      return published
    },
  }
  const letters = createDeadLetters({ line: refusing, now: () => 1 })
  for (const token of ['one', 'two'])
    await letters.add({ token, piece: piece(Buffer.from(token)), reason: '' })
  expect(await letters.retry()).toHaveLength(2)
  expect(await letters.list()).toHaveLength(2)
  expect(await letters.drop()).toHaveLength(2)
  expect(await letters.retry()).toEqual([])
})
