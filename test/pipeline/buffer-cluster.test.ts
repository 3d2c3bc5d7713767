import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBuffer, type Buffer as Telemetry } from '../../src/pipeline/buffer/buffer.ts'
import type { Batch } from '../../src/pipeline/otlp/signal.ts'
import { type House, startHouse } from '../support/house.ts'
import { request } from './buffering.ts'

let house: House
beforeAll(async () => {
  house = await startHouse({ broker: false, nodes: 3 })
}, 60_000)
afterAll(() => house?.stop())

const PATIENT = { timeout: 40_000, interval: 100 }

test('buffer - in a cluster that loses a node and gets it back, all is stored, once', async () => {
  /** As the store does it: the first batch under a token counts. */
  const stored = new Map<string, string[]>()
  const storing = () => ({
    prepare: async ({ token, pieces }: Batch) => ({
      async commit() {
        if (!stored.has(token))
          stored.set(
            token,
            pieces.map(({ body }) => Buffer.from(body).toString()),
          )
      },
    }),
  })
  const start = async (): Promise<Telemetry> => {
    const buffer = createBuffer(
      { lanes: 2, bufferBytes: 2 ** 30, lingerMs: 10, pollMs: 50, takeoverMs: 2_000 },
      { nc: await house.connect('pipeline'), storing, now: house.clock.now, log: house.log },
    )
    await buffer.start()
    return buffer
  }
  const buffers = [await start(), await start()]
  const texts = Array.from({ length: 60 }, (_, index) => `text ${index}`)
  const accept = async (text: string, index: number) => {
    const accepted = () => buffers[index % 2]?.accept(request([text])).then(() => 'accepted')
    await expect.poll(accepted, PATIENT).toBe('accepted')
  }
  for (const [index, text] of texts.entries()) {
    if (index === 20) await house.nats.stop()
    if (index === 40) await house.nats.start()
    await accept(text, index)
  }
  const all = () => [...stored.values()].flat().toSorted()
  await expect.poll(all, PATIENT).toEqual(texts.toSorted())
  for (const buffer of buffers) await buffer.stop()
  expect(all()).toEqual(texts.toSorted())
}, 120_000)
