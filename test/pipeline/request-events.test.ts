import { setImmediate as settled } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createRequestEvents } from '../../src/pipeline/request-events.ts'
import { createFakeLog } from '../support/log.ts'
import { AT, requested } from './entries.ts'

const record = (index: number) => ({ epoch: 1, index, entry: requested(), leaf: '', leafHash: '' })

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'request events - one that comes %i steps behind the last insert is stored at once, too',
  async (steps) => {
    const tokens: string[] = []
    const later = (left: number): void =>
      left === 0 ? events.add(record(2)) : queueMicrotask(() => later(left - 1))
    const insertRows = async (_block: unknown, token: string) => {
      if (tokens.push(token) === 1) later(steps)
    }
    const events = createRequestEvents({ store: { insertRows }, now: () => AT, log: createFakeLog() })
    events.add(record(1))
    await settled()
    expect(tokens).toHaveLength(2)
    await events.stop()
  },
)
