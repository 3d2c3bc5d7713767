import { expect, test } from 'vitest'
import { flood } from './flood/flood.ts'

test('flood - a slice of it: refused at its source, and the others keep their turn', {
  timeout: 60_000,
}, async () => {
  const lines: string[] = []
  const result = await flood({ requests: 2_000, seed: 7, say: (line) => void lines.push(line) })
  expect(result, lines.join('\n')).toMatchObject({ n: 2_000, violations: 0, opened: 100, refused: 1_900 })
})
