import { expect, test } from 'vitest'
import { shareBarrier } from '../../src/broker/history/shared-barrier.ts'

/** Looks that are ended by hand. */
function createLooks() {
  const looks: PromiseWithResolvers<void>[] = []
  const barrier = shareBarrier(() => {
    const look = Promise.withResolvers<void>()
    looks.push(look)
    return look.promise
  })
  return { looks, barrier }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('barrier - whoever asks while a look is under way is not answered by it, but all of them by one more', async () => {
  const { looks, barrier } = createLooks()
  const first = barrier()
  let answered = 0
  const later = [barrier(), barrier(), barrier()].map((one) => one.then(() => answered++))
  looks[0]?.resolve()
  await first
  await turn()
  expect(answered).toBe(0)
  expect(looks).toHaveLength(2)
  looks[1]?.resolve()
  await Promise.all(later)
  expect(looks).toHaveLength(2)
})

test('barrier - a look that fails fails for those who asked for it, and the next is another', async () => {
  const { looks, barrier } = createLooks()
  const first = barrier()
  const second = barrier()
  looks[0]?.reject(new Error('away'))
  await expect(first).rejects.toThrow('away')
  await turn()
  looks[1]?.reject(new Error('still away'))
  await expect(second).rejects.toThrow('still away')
  const third = barrier()
  looks[2]?.resolve()
  await expect(third).resolves.toBeUndefined()
})
