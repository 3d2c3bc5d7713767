import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createOrdered } from '../../src/broker/state/ordered.ts'

const step = fc.oneof(
  fc.record({ add: fc.nat(400) }),
  fc.record({ remove: fc.nat(400) }),
  fc.constant({ look: true as const }),
)

test('ordered - added and removed in any order, it is what a sorted list says, looked at or not', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const ordered = createOrdered<{ number: number }>(({ number }) => number)
      const model = new Map<number, { number: number }>()
      for (const one of steps) {
        if ('add' in one && !model.has(one.add)) {
          const item = { number: one.add }
          model.set(one.add, item)
          ordered.add(item)
        } else if ('remove' in one) {
          const item = model.get(one.remove)
          if (item) ordered.remove(item)
          model.delete(one.remove)
        } else if ('look' in one) {
          expect(ordered.items()).toEqual([...model.values()].sort((a, b) => a.number - b.number))
        }
        expect(ordered.size()).toBe(model.size)
      }
      expect(ordered.items()).toEqual([...model.values()].sort((a, b) => a.number - b.number))
    }),
  )
})

test('ordered - what nobody looks at does not pile up', () => {
  const ordered = createOrdered<{ number: number }>(({ number }) => number)
  const items = Array.from({ length: 10_000 }, (_, number) => ({ number }))
  for (const item of items) ordered.add(item)
  for (const item of items.slice(0, 9_990)) ordered.remove(item)
  expect(ordered.size()).toBe(10)
  expect(ordered.items()).toEqual(items.slice(9_990))
})
