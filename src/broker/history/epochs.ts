import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  type ContinuedEntry,
  type Digest,
  type FreezeEntry,
  HoldpointError,
  ledgerStream,
  ledgerSubject,
} from '#contract'
import type { Component, Log } from '#runtime'
import type { LedgerWriter } from './commit.ts'
import type { History } from './history.ts'
import type { Logs } from './logs.ts'

/** Which epoch of the ledger takes new requests; those before it end what they began, and are then left. */
export interface Epochs extends Component {
  current(): number
  /** Those that are read: the current one, and older ones that are not sealed. Ascending. */
  open(): number[]
  /** Another one may have begun. */
  look(): Promise<void>
}

export interface EpochsDeps {
  nc: NatsConnection
  /** Those that have begun, by signed documents. */
  begun(): number[]
  history: Pick<History, 'follow' | 'leave' | 'epochs' | 'barrier'>
  logs: Pick<Logs, 'of'>
  ledger: LedgerWriter
  /** What has to stand in every epoch: whoever reads only this one must know which policy rules, and who is one person. */
  recordInForce(epoch: number): Promise<void>
  freezes(): FreezeEntry[]
  now: () => number
  log: Log
}

const READ_WITHIN_MS = 30_000

export function createEpochs({ everyMs }: { everyMs: number }, deps: EpochsDeps): Epochs {
  const { history, ledger, log } = deps
  let begunHere: number | undefined
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined

  const newestBegun = (): number => deps.begun().at(-1) as number
  const current = (): number => begunHere ?? newestBegun()
  const open = (): number[] => {
    const followed = history.epochs()
    return followed.length === 0 ? [newestBegun()] : followed
  }

  async function lookOnce(): Promise<void> {
    for (const epoch of deps.begun().filter((one) => one > current())) await begin(epoch)
    for (const epoch of history.epochs().filter((one) => one < current()))
      if (await isSealed(epoch)) await leave(epoch)
  }

  /** First what whoever reads it needs, then requests. */
  async function begin(epoch: number): Promise<void> {
    await history.follow(epoch)
    await carryOver(epoch)
    begunHere = epoch
    log.info('new requests go to another epoch of the ledger', { epoch })
  }

  async function carryOver(epoch: number): Promise<void> {
    await deps.recordInForce(epoch)
    for (const change of deps.freezes())
      await ledger.commit(ledgerSubject.freeze(epoch, change.agent, change.turn), change)
  }

  async function isSealed(epoch: number): Promise<boolean> {
    const { streams } = await jetstreamManager(deps.nc, { checkAPI: false })
    return (await streams.info(ledgerStream(epoch))).config.sealed
  }

  /** The next ones may be sealed as well, where nobody was there to leave this one in time. */
  async function nextOpen(epoch: number): Promise<number> {
    const later = history.epochs().filter((one) => one > epoch && one < current())
    for (const one of later) if (!(await isSealed(one))) return one
    return current()
  }

  /** Nothing can be added to it any more: what it came to is recorded where everybody goes on reading. */
  async function leave(epoch: number): Promise<void> {
    await history.barrier(READ_WITHIN_MS)
    // Another broker may have written some of it into the old one after we had begun the next.
    await carryOver(await nextOpen(epoch))
    const { size, root } = deps.logs.of(epoch)
    const entry: ContinuedEntry = {
      type: 'continued',
      at: deps.now(),
      epoch,
      size: size(),
      root: `sha-256:${Buffer.from(root(), 'base64').toString('hex')}` as Digest,
    }
    const { entry: recorded } = await ledger.commit(ledgerSubject.continued(epoch + 1), entry)
    if (recorded.root !== entry.root || recorded.size !== entry.size)
      throw new HoldpointError('LEDGER_CORRUPT', `epoch ${epoch} is not as epoch ${epoch + 1} remembers it`)
    await history.leave(epoch)
    log.info('an epoch of the ledger is sealed, and has been left', { epoch, entries: entry.size })
  }

  function look(): Promise<void> {
    looking ??= lookOnce()
      .catch((error: unknown) => log.warn('the epochs of the ledger are looked at again', { error }))
      .finally(() => {
        looking = undefined
      })
    return looking
  }

  return {
    name: 'epochs',
    current,
    open,
    look,
    async start() {
      begunHere = newestBegun()
      timer = setInterval(() => void look(), everyMs)
    },
    async stop() {
      clearInterval(timer)
      await looking
    },
  }
}
