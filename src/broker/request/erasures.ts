import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { ledgerStream, ledgerSubject } from '#contract'
import type { Component, Log } from '#runtime'
import type { Payloads } from './payload.ts'

/** Requests that the ledger calls erased: their keys are deleted, however often that takes and whoever began it. */
export interface Erasures extends Component {
  add(requestId: string): void
}

interface ErasuresDeps {
  nc: NatsConnection
  payloads: Pick<Payloads, 'erase'>
  /** All that have begun. */
  epochs(): number[]
  log: Log
}

/**
 * A broker may have died between recording an erasure and deleting the key: at a start the ledger says what was to be
 * erased, snapshot or not. Nothing waits for this, because nothing that is recorded as erased is shown.
 */
export function createErasures(
  { everyMs }: { everyMs: number },
  { nc, payloads, epochs, log }: ErasuresDeps,
): Erasures {
  const left = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let isOver = true
  let isListed = false
  let running: Promise<void> = Promise.resolve()

  async function turn(): Promise<void> {
    if (!isListed) {
      for (const epoch of epochs()) for (const requestId of await listErased(nc, epoch)) left.add(requestId)
      isListed = true
    }
    for (const requestId of left) {
      if (isOver) return
      await payloads.erase(requestId)
      left.delete(requestId)
    }
  }

  function schedule(): void {
    if (isOver || timer || (isListed && left.size === 0)) return
    timer = setTimeout(() => {
      running = turn()
        .catch((error: unknown) => log.warn('not everything that was erased has lost its key', { error }))
        .then(() => {
          timer = undefined
          schedule()
        })
    }, everyMs)
  }

  return {
    name: 'erasures',
    add(requestId) {
      left.add(requestId)
      schedule()
    },
    async start() {
      isOver = false
      schedule()
    },
    async stop() {
      isOver = true
      clearTimeout(timer)
      timer = undefined
      await running
    },
  }
}

const STREAM_NOT_FOUND = 10059
const NOTHING: { state: { subjects?: Record<string, number> } } = { state: {} }

async function listErased(nc: NatsConnection, epoch: number): Promise<string[]> {
  const { streams } = await jetstreamManager(nc, { checkAPI: false })
  const filter = ledgerSubject.erased(epoch, '*')
  const { state } = await streams
    .info(ledgerStream(epoch), { subjects_filter: filter })
    .catch((error: unknown) => {
      // Exported and dropped, its erasures long done.
      if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return NOTHING
      throw error
    })
  const at = filter.split('.').indexOf('*')
  return Object.keys(state.subjects ?? {}).map((subject) => subject.split('.')[at] as string)
}
