import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TELEMETRY_CURSOR_STREAM, TELEMETRY_STREAM } from '#contract'
import { type Buffering, request, startBuffering, WAITING } from './buffering.ts'

let scene: Buffering
beforeAll(async () => {
  scene = await startBuffering()
})
afterAll(() => scene?.stop())

/** NATS stops, `change` does something to what it has on disk, and it starts again. */
async function whileNatsIsAway(change: () => Promise<void>): Promise<void> {
  const startNats = await scene.stopNats()
  await change()
  await startNats()
  await expect.poll(() => scene.nc.flush().then(() => true), WAITING).toBe(true)
}

async function streamDir(): Promise<string> {
  const found = await readdir(scene.natsDir, { recursive: true })
  return join(scene.natsDir, found.find((path) => path.endsWith(`/${TELEMETRY_STREAM}`)) ?? 'nowhere')
}

const backup = () => `${scene.natsDir}-backup`
const save = (dir: string) => cp(dir, backup(), { recursive: true })
async function restore(dir: string): Promise<void> {
  await rm(dir, { recursive: true })
  await cp(backup(), dir, { recursive: true })
  await rm(backup(), { recursive: true })
}

const accept = (buffer: Awaited<ReturnType<Buffering['start']>>, text: string) =>
  expect.poll(() => buffer.accept(request([text])).then(() => 'accepted', String), WAITING).toBe('accepted')
const stored = (texts: string[]) =>
  expect.poll(() => scene.stored(), WAITING).toEqual(Object.fromEntries(texts.map((text) => [text, 1])))

test('buffer - what comes after NATS was put back to a backup is stored, though its numbers were used before', async () => {
  const buffer = await scene.start()
  await accept(buffer, 'a')
  await stored(['a'])
  await whileNatsIsAway(() => save(scene.natsDir))
  await accept(buffer, 'b')
  await stored(['a', 'b'])
  await whileNatsIsAway(() => restore(scene.natsDir))
  await accept(buffer, 'c')
  await stored(['a', 'b', 'c'])
  await buffer.stop()
})

test('buffer - a stream that ends before what was stored of it is not read on: what it has would be passed over', async () => {
  const buffer = await scene.start()
  const dir = await streamDir()
  await whileNatsIsAway(() => save(dir))
  for (const text of ['d', 'e', 'f']) {
    await accept(buffer, text)
    await stored([...'abcdef'.slice(0, 'abcdef'.indexOf(text) + 1)])
  }
  await whileNatsIsAway(() => restore(dir))
  await accept(buffer, 'g')
  await expect
    .poll(() => scene.log.lines.map(({ fields }) => String(fields?.error)).join('\n'), WAITING)
    .toMatch(/HP_TELEMETRY ends at \d+, and lane 0 is stored up to \d+.*HP_TELEMETRY_CURSOR/)
  expect(await scene.stored()).not.toHaveProperty('g')
  await (await jetstreamManager(scene.nc)).streams.delete(TELEMETRY_CURSOR_STREAM)
  await scene.addStreams()
  await expect.poll(() => scene.stored(), WAITING).toMatchObject({ g: 1 })
  await buffer.stop()
})
