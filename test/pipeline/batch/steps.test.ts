import { describe, expect, it } from 'vitest'
import { createSteps, type Step } from '../../../src/pipeline/batch/steps.ts'

const MIB = 2 ** 20

describe('steps', () => {
  it('steps - each runs once, in the order in which they were made', async () => {
    const ran: number[] = []
    const steps = createSteps(
      [1, 2, 3].map((step) => ({ bytes: 0, run: async () => void ran.push(step) })).values(),
    )
    await steps.prepare()
    await steps.run()
    await steps.run()
    expect(ran).toEqual([1, 2, 3])
  })

  it('steps - after an error they go on with the one that has failed', async () => {
    const ran: number[] = []
    function* making(): Generator<Step, void> {
      for (const step of [1, 2, 3])
        yield {
          bytes: 0,
          async run() {
            ran.push(step)
            if (step === 2 && ran.length === 2) throw new Error('away')
          },
        }
    }
    const steps = createSteps(making())
    await expect(steps.run()).rejects.toThrow('away')
    await steps.run()
    expect(ran).toEqual([1, 2, 2, 3])
  })

  it('steps - what cannot be made is no end: it fails each time', async () => {
    let ran = 0
    function* making(): Generator<Step, void> {
      yield { bytes: 0, run: async () => void ran++ }
      throw new Error('no such request')
    }
    const steps = createSteps(making())
    await expect(steps.prepare()).rejects.toThrow('no such request')
    for (let time = 0; time < 3; time++) await expect(steps.run()).rejects.toThrow('no such request')
    expect(ran).toBe(1)
  })

  it('steps - no more of them are made ahead than may be held in memory', async () => {
    let made = 0
    function* making(): Generator<Step, void> {
      for (; made < 100; made++) yield { bytes: 16 * MIB, run: async () => {} }
    }
    const steps = createSteps(making())
    await steps.prepare()
    expect(made).toBeLessThan(5)
    await steps.run()
    expect(made).toBe(100)
  })
})
