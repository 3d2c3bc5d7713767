import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDueQueue, type Waiting } from '../../src/broker/state/due.ts'

interface Item extends Waiting {
  name: number
}
const itemsOf = (count: number): Item[] =>
  Array.from({ length: count }, (_, name) => ({ name, dueAtMs: 0, place: -1 }))

const step = fc.oneof(
  fc.record({ put: fc.nat(19), at: fc.nat(100) }),
  fc.record({ remove: fc.nat(19) }),
  fc.record({ look: fc.nat(110) }),
)

test('due - whatever is put, put again and removed: what is due is what a plain list says, earliest first', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const queue = createDueQueue<Item>()
      const items = itemsOf(20)
      const model = new Map<number, number>()
      for (const one of steps) {
        if ('put' in one) {
          queue.put(items[one.put] as Item, one.at)
          model.set(one.put, one.at)
        } else if ('remove' in one) {
          queue.remove(items[one.remove] as Item)
          model.delete(one.remove)
        } else {
          const expected = [...model].filter(([, at]) => at <= one.look)
          const found = queue.due(one.look)
          expect(found.map(({ dueAtMs }) => dueAtMs)).toEqual(
            expected.map(([, at]) => at).sort((a, b) => a - b),
          )
          expect(new Set(found.map(({ name }) => name))).toEqual(new Set(expected.map(([name]) => name)))
        }
        expect(queue.size()).toBe(model.size)
      }
    }),
  )
})

test('due - a moment that has not come is not due, and one that has stays due until it is removed', () => {
  const queue = createDueQueue<Item>()
  const [one, other] = itemsOf(2) as [Item, Item]
  queue.put(one, 10)
  queue.put(other, 11)
  expect(queue.due(9)).toEqual([])
  expect(queue.due(10)).toEqual([one])
  expect(queue.due(10)).toEqual([one])
  queue.remove(one)
  queue.remove(one)
  expect(queue.due(10)).toEqual([])
  expect(queue.size()).toBe(1)
})

test('due - after it was emptied, what was in it can be put again', () => {
  const queue = createDueQueue<Item>()
  const [one] = itemsOf(1) as [Item]
  queue.put(one, 5)
  queue.clear()
  expect(queue.due(100)).toEqual([])
  queue.put(one, 7)
  expect(queue.due(100)).toEqual([one])
})
