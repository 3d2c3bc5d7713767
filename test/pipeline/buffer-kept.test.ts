import { expect, test } from 'vitest'
import { createKept } from '../../src/pipeline/buffer/kept.ts'

function scene() {
  let nowMs = 0
  const purged: number[] = []
  const stream = { purge: async (_lane: number, _created: string, to: number) => void purged.push(to) }
  const kept = createKept({ lane: 0, keepMs: 100, keepBytes: 1_000 }, { stream, elapsed: () => nowMs })
  for (const to of [10, 20, 30]) kept.add({ stream: 'one', to, bytes: 1 })
  const pass = (ms: number): void => {
    nowMs += ms
  }
  return { kept, purged, pass }
}

test('kept - what is stored goes once its time is over', async () => {
  const { kept, purged, pass } = scene()
  await kept.trim()
  expect(purged).toEqual([])
  pass(100)
  await kept.trim()
  expect(purged).toEqual([30])
})

test('kept - nothing goes beyond what the cursor says is stored: another message may have the number by now', async () => {
  const { kept, purged, pass } = scene()
  kept.limit(25)
  pass(100)
  await kept.trim()
  expect(purged).toEqual([20])
})
