import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { endOf, spawnBroker } from '../../support/broker-process.ts'
import { editedEnvironment } from '../../support/guards.ts'
import type { House } from '../../support/house.ts'
import { pause } from './load.ts'
import { killAt, type Moment } from './points.ts'

const REACHED_WITHIN_MS = 3_000
const LAST_WORDS = 2_000

/** The brokers of a house, each a process of its own. */
export interface Brokers {
  count(): number
  /** Nobody killed these: what they said last. */
  endedByThemselves: readonly string[]
  start(): Promise<void>
  killOne(): Promise<void>
  /** Starts one that kills itself at this moment. False when it never came there: it is killed anyway. */
  startToDieAt(moment: Moment): Promise<boolean>
  /** Instead of all others, starts one that kills this process at this moment, and lives on. */
  startToKillAt(moment: Moment, pid: number): Promise<void>
  stop(): Promise<void>
}

export function createBrokers(house: House): Brokers {
  const living: ChildProcess[] = []
  const endedByThemselves: string[] = []
  let isStopping = false

  async function start(more: Record<string, string> = {}): Promise<ChildProcess> {
    const child = await spawnBroker(house.home.dir, house.natsUrl, more)
    living.push(child)
    let lastWords = ''
    child.stderr?.on('data', (text) => {
      lastWords = `${lastWords}${text}`.slice(-LAST_WORDS)
    })
    child.once('exit', (code, signal) => {
      if (signal === null && !isStopping) endedByThemselves.push(`a broker ended with ${code}: ${lastWords}`)
    })
    return child
  }

  async function killOne(): Promise<void> {
    const child = living.shift()
    if (child) await endOf(child, 'SIGKILL')
  }

  return {
    count: () => living.length,
    endedByThemselves,
    start: async () => void (await start()),
    killOne,
    async startToKillAt(moment, pid) {
      while (living.length > 0) await killOne()
      // Without a server it does not come up.
      await start(editedEnvironment([killAt(moment, pid)])).catch(() => {})
    },
    async startToDieAt(moment) {
      try {
        const child = await start(editedEnvironment([killAt(moment)]))
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
      isStopping = true
      for (const child of living) await endOf(child)
    },
  }
}
