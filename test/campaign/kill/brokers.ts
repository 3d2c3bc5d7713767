import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { endOf, spawnBroker } from '../../support/broker-process.ts'
import { editedEnvironment } from '../../support/guards.ts'
import type { House } from '../../support/house.ts'
import { pause } from './load.ts'
import { type KillPoint, killAt } from './points.ts'

const REACHED_WITHIN_MS = 3_000

/** The brokers of a house, each a process of its own. */
export interface Brokers {
  count(): number
  start(): Promise<void>
  killOne(): Promise<void>
  /** Starts one that kills itself at this point. False when it never came there: it is killed anyway. */
  startToDieAt(point: KillPoint, pass: number, afterMs: number | undefined): Promise<boolean>
  stop(): Promise<void>
}

export function createBrokers(house: House): Brokers {
  const living: ChildProcess[] = []

  async function start(more: Record<string, string> = {}): Promise<ChildProcess> {
    const child = await spawnBroker(house.home.dir, house.natsUrl, more)
    living.push(child)
    return child
  }

  return {
    count: () => living.length,
    start: async () => void (await start()),
    async killOne() {
      const child = living.shift()
      if (child) await endOf(child, 'SIGKILL')
    },
    async startToDieAt(point, pass, afterMs) {
      try {
        const child = await start(editedEnvironment([killAt(point, pass, afterMs)]))
        if (child.exitCode === null && child.signalCode === null)
          await Promise.race([once(child, 'exit'), pause(REACHED_WITHIN_MS)])
        const isReached = child.signalCode === 'SIGKILL'
        await endOf(child, 'SIGKILL')
        living.splice(living.indexOf(child), 1)
        return isReached
      } catch {
        // On the way to being ready there are awaits as well.
        return true
      }
    },
    async stop() {
      for (const child of living) await endOf(child)
    },
  }
}
