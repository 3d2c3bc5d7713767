import { setImmediate } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { createLanes } from '../../src/broker/lanes.ts'

const turns = async (count: number): Promise<void> => {
  for (let nth = 0; nth < count; nth++) await setImmediate()
}

const LIMITS = {
  mostUnderWay: 2,
  mostBytesUnderWay: 1_000,
  mostWaiting: 4,
  mostWaitingBytes: 100,
  freeBytes: 100,
  bytesPerSecond: 1_000_000,
  burstBytes: 1_000_000,
}
function lanes(limits: Partial<typeof LIMITS> = {}, now = () => performance.now()) {
  const served = createLanes({ ...LIMITS, ...limits }, { now })
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

test('lanes - of the large ones in a lane one is under way, and small ones beside it', async () => {
  const { take, begun, ends } = lanes({
    mostUnderWay: 10,
    mostWaiting: 10,
    mostBytesUnderWay: 50,
    mostWaitingBytes: 1_000,
  })
  take('a', 'small', 10)
  take('a', 'large', 60)
  take('a', 'other', 60)
  take('b', 'of another lane', 60)
  await turns(10)
  expect(begun).toEqual(['small', 'of another lane'])
  ends[0]?.()
  await turns(10)
  expect(begun).toEqual(['small', 'of another lane', 'large'])
})

test('lanes - what was given to one at once is made good before it gets more; the others do not wait', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
  try {
    const { take, begun, ends } = lanes({ mostWaitingBytes: 10_000, bytesPerSecond: 1_000, burstBytes: 500 })
    const endAll = async () => {
      await turns(5)
      for (const end of ends) end()
      await turns(5)
    }
    for (const name of ['a1', 'a2', 'a3']) take('a', name, 700)
    await endAll()
    expect(begun).toEqual(['a1'])
    take('b', 'b1', 700)
    await endAll()
    expect(begun).toEqual(['a1', 'b1'])
    await vi.advanceTimersByTimeAsync(99)
    await endAll()
    expect(begun).toEqual(['a1', 'b1'])
    await vi.advanceTimersByTimeAsync(1)
    await endAll()
    expect(begun).toEqual(['a1', 'b1', 'a2'])
    await vi.advanceTimersByTimeAsync(600)
    await endAll()
    expect(begun).toEqual(['a1', 'b1', 'a2', 'a3'])
  } finally {
    vi.useRealTimers()
  }
})
