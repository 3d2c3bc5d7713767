import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createLanes } from '../../src/broker/lanes.ts'

const turns = async (count: number): Promise<void> => {
  for (let nth = 0; nth < count; nth++) await setImmediate()
}

function lanes(limits: { mostUnderWay?: number; mostWaiting?: number; mostWaitingBytes?: number } = {}) {
  const served = createLanes({ mostUnderWay: 2, mostWaiting: 4, mostWaitingBytes: 100, ...limits })
  const begun: string[] = []
  const ends: (() => void)[] = []
  const take = (lane: string, name = lane, bytes = 1) =>
    served.take(lane, bytes, () => {
      begun.push(name)
      const { promise, resolve } = Promise.withResolvers<void>()
      ends.push(resolve)
      return promise
    })
  return { take, begun, ends }
}

test('lanes - of one lane so many are under way, the others wait, and what ends lets the next one begin', async () => {
  const { take, begun, ends } = lanes()
  for (const name of ['a1', 'a2', 'a3', 'a4']) expect(take('a', name)).toBe(true)
  await turns(10)
  expect(begun).toEqual(['a1', 'a2'])
  ends[0]?.()
  await turns(10)
  expect(begun).toEqual(['a1', 'a2', 'a3'])
})

test('lanes - beyond its bound a lane is refused, and takes again what it has room for', async () => {
  const { take, begun, ends } = lanes()
  for (let nth = 0; nth < 4; nth++) expect(take('a')).toBe(true)
  expect(take('a')).toBe(false)
  await turns(10)
  expect([take('a'), take('a'), take('a')]).toEqual([true, true, false])
  for (let nth = 0; nth < 6; nth++) {
    ends[nth]?.()
    await turns(3)
  }
  expect(begun).toHaveLength(6)
  expect(take('a')).toBe(true)
})

test('lanes - bytes are bounded as well; one alone is taken however large it is', () => {
  const { take } = lanes()
  expect(take('a', 'a1', 1_000)).toBe(true)
  expect(take('a', 'a2', 1)).toBe(false)
  expect(take('b', 'b1', 60)).toBe(true)
  expect(take('b', 'b2', 60)).toBe(false)
  expect(take('b', 'b3', 40)).toBe(true)
})

test('lanes - whoever comes behind another lane’s flood has the next turn', async () => {
  const { take, begun } = lanes({ mostUnderWay: 100, mostWaiting: 1_000 })
  for (let nth = 0; nth < 90; nth++) take('flood')
  take('other')
  await turns(2)
  expect(begun.slice(0, 3)).toContain('other')
})

test('lanes - a full lane leaves the others theirs', async () => {
  const { take, begun } = lanes()
  for (let nth = 0; nth < 20; nth++) take('flood')
  expect(take('other')).toBe(true)
  await turns(5)
  expect(begun.filter((name) => name === 'other')).toHaveLength(1)
})
