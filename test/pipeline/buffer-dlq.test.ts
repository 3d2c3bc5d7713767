import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectAs, FILES } from '#broker'
import { dlqCommand } from '#pipeline'
import { runProgram } from '#runtime'
import { createBuffer, type Buffer as Telemetry } from '../../src/pipeline/buffer/buffer.ts'
import type { Batch } from '../../src/pipeline/otlp/signal.ts'
import { type House, startHouse } from '../support/house.ts'
import { createFakeIo } from '../support/io.ts'
import { refusing, request, WAITING } from './buffering.ts'
import { encodeProtobuf } from './encode.ts'

let house: House
let buffer: Telemetry
let mended = false
const committed: string[] = []
beforeAll(async () => {
  house = await startHouse({ broker: false })
  const refuse = refusing('poison')
  buffer = createBuffer(
    { lanes: 1, bufferBytes: 2 ** 30, lingerMs: 10, pollMs: 50 },
    {
      // Of the role itself: what it may do on NATS has to be enough for all of this.
      nc: await house.connect('pipeline'),
      storing: () => ({
        async prepare(batch: Batch) {
          if (!mended) refuse(batch)
          if (!mended && batch.pieces.some(({ signal }) => signal === 'traces'))
            throw new Error('a fault of our own')
          return { commit: async () => void committed.push(...batch.pieces.map(({ body }) => text(body))) }
        },
      }),
      now: house.clock.now,
      log: house.log,
    },
  )
  await buffer.start()
})
afterAll(async () => {
  await buffer?.stop()
  await house?.stop()
})

const text = (body: Uint8Array): string => Buffer.from(body).toString()

async function run(...argv: string[]) {
  const io = createFakeIo({
    env: { HOLDPOINT_DATA_DIR: house.home.dir },
    cwd: house.home.dir,
    nowMs: house.clock.now(),
  })
  const command = dlqCommand({
    connect: () => connectAs('pipeline', house.natsUrl, house.home.read(FILES.credentials('pipeline'))),
  })
  const program = { name: 'holdpoint', version: '0', summary: '', commands: [command] }
  return { code: await runProgram(program, ['pipeline', 'dlq', ...argv], io), out: io.out(), err: io.err() }
}
const listed = async () => JSON.parse((await run('list', '--json')).out).deadLetters

test('pipeline dlq - nothing is listed while everything could be stored', async () => {
  expect(await run('list')).toEqual({
    code: 0,
    out: '',
    err: 'There is no dead letter: everything could be stored.\n',
  })
  expect(await listed()).toEqual([])
})

test('pipeline dlq - a letter says why, of whom and how much it is, and goes by its id', async () => {
  const spans = encodeProtobuf({ resource: { 'service.name': 'checkout\u202e' }, spans: [{ name: 'x' }] })
  await buffer.accept({ ...request(['traces']), signal: 'traces', pieces: [spans], items: 1 })
  await buffer.accept(request(['poison', 'fine']))
  await expect.poll(listed, WAITING).toHaveLength(2)
  const letters = await listed()
  expect(letters).toMatchObject([
    {
      signal: 'traces',
      reason: 'a fault of our own',
      services: ['checkout\u202e'],
      items: 1,
      bytes: spans.length,
    },
    { signal: 'logs', reason: 'poison is refused', services: [], items: 1, bytes: 6 },
  ])
  const { out } = await run('list')
  expect(out).toContain(`${letters[0].id}  traces, of checkout`)
  expect(out).not.toContain('\u202e')
  expect(committed).toEqual(['fine'])

  mended = true
  expect(await run('retry', letters[1].id)).toEqual({ code: 0, out: `${letters[1].id}  retried\n`, err: '' })
  await expect.poll(() => committed, WAITING).toEqual(['fine', 'poison'])
  expect(await listed()).toMatchObject([{ id: letters[0].id }])
})

test('pipeline dlq - nothing is dropped unasked', async () => {
  const [{ id }] = await listed()
  expect(await run('drop', id)).toMatchObject({ code: 1, out: '', err: expect.stringContaining('--yes') })
  expect(await listed()).toHaveLength(1)
  expect(await run('drop', '--all', '--yes', '--json')).toEqual({
    code: 0,
    out: `${JSON.stringify({ dropped: [id] })}\n`,
    err: '',
  })
  expect(await listed()).toEqual([])
  expect(await run('retry', id)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^NOT_FOUND: .*[0-9a-f]{16}\n$/),
  })
  expect(committed).toEqual(['fine', 'poison'])
})

test.each([[['burn']], [['list', 'x']], [['retry']], [['drop', '--yes']], [['retry', 'x', '--all']], [[]]])(
  'pipeline dlq - %j is wrong usage',
  async (argv) => {
    expect((await run(...argv)).code).toBe(2)
  },
)
