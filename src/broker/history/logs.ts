import type { NatsConnection } from '@nats-io/transport-node'
import { logOrigin, type TrustedKey } from '#contract'
import type { Frontier } from '#ledger'
import type { Component, Log } from '#runtime'
import { type Checkpoints, type CheckpointsConfig, createCheckpoints } from './checkpoints.ts'

/** Every epoch's tree and signed head: each is a log of its own. */
export interface Logs extends Component {
  of(epoch: number): Checkpoints
  frontiers(): [epoch: number, Frontier][]
  /** Entries of all of them. */
  size(): number
  /** As of one, for all of them. */
  uncoveredSinceMs(): number | undefined
  /** Empty again, as before anything was read. */
  clear(): void
}

export function createLogs(
  config: Omit<CheckpointsConfig, 'epoch'>,
  deps: { nc: NatsConnection; ledgerKeys: () => readonly TrustedKey[]; now: () => number; log: Log },
): Logs {
  const logs = new Map<number, Checkpoints>()
  let isRunning = false

  function of(epoch: number): Checkpoints {
    const known = logs.get(epoch)
    if (known) return known
    const made = createCheckpoints({ ...config, epoch, origin: logOrigin(config.origin, epoch) }, deps)
    logs.set(epoch, made)
    if (isRunning) void made.start()
    return made
  }

  return {
    name: 'checkpoints',
    of,
    frontiers: () => [...logs].map(([epoch, { frontier }]) => [epoch, frontier()]),
    size: () => [...logs.values()].reduce((sum, one) => sum + one.size(), 0),
    uncoveredSinceMs() {
      const since = [...logs.values()].flatMap((one) => one.uncoveredSinceMs() ?? [])
      return since.length === 0 ? undefined : Math.min(...since)
    },
    clear: () => {
      for (const { resume } of logs.values()) resume({ size: 0, hashes: [] })
    },
    async start() {
      isRunning = true
      for (const one of logs.values()) await one.start()
    },
    async stop() {
      isRunning = false
      await Promise.all([...logs.values()].map((one) => one.stop()))
    },
  }
}
