import {
  JetStreamApiError,
  jetstreamManager,
  type StreamConfig,
  type StreamInfo,
  type StreamUpdateConfig,
} from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  decodeEntry,
  digestHex,
  HoldpointError,
  isOfRequest,
  type LedgerEntry,
  ledgerStream,
  ledgerSubject,
} from '#contract'
import { createLedgerTail } from '#ledger'

/** One epoch as its stream is: a later epoch's entry says how a sealed one ended. */
export interface EpochState {
  epoch: number
  entries: number
  replicas: number
  isSealed: boolean
  /** Hex: the root that the next epoch's first broker recorded. */
  continuedRoot?: string
}

/** Undefined where the stream is not there any more. */
export async function lookAtEpoch(nc: NatsConnection, epoch: number): Promise<EpochState | undefined> {
  const info = await infoOf(nc, epoch)
  if (info === undefined) return undefined
  const entry = await readEntry(nc, epoch + 1, ledgerSubject.continued(epoch + 1))
  return {
    epoch,
    entries: info.state.messages,
    replicas: info.config.num_replicas,
    isSealed: info.config.sealed,
    ...(entry?.type === 'continued' ? { continuedRoot: digestHex(entry.root) } : {}),
  }
}

export interface OpenRequests {
  pending: number
  /** Approved and not used, or used and without an outcome. */
  unfinished: number
}

/**
 * Makes an epoch read-only, for good: the server itself refuses every later write, and sealing again changes nothing.
 * Not where requests are still open, which could not come to an end any more: then it returns how many.
 */
export async function sealEpoch(
  nc: NatsConnection,
  epoch: number,
  readWithinMs: number,
): Promise<OpenRequests> {
  const open = await openRequests(nc, epoch, readWithinMs)
  if (open.pending + open.unfinished > 0) return open
  const manager = await jetstreamManager(nc)
  const { config } = await manager.streams.info(ledgerStream(epoch))
  // The client's types leave it out; the server takes it, and never takes it back.
  const sealed: Partial<StreamConfig> = { sealed: true }
  if (!config.sealed) await manager.streams.update(ledgerStream(epoch), sealed as Partial<StreamUpdateConfig>)
  return open
}

async function openRequests(nc: NatsConnection, epoch: number, withinMs: number): Promise<OpenRequests> {
  const pending = new Set<string>()
  const unfinished = new Set<string>()
  let corruption: unknown
  const tail = createLedgerTail(
    { epoch },
    {
      nc,
      onRecord: ({ entry }) => track(entry, pending, unfinished),
      onCorrupt: (error) => {
        corruption = error
      },
    },
  )
  await tail.start()
  try {
    await tail.barrier(withinMs)
  } finally {
    await tail.stop()
  }
  if (corruption) throw corruption
  return { pending: pending.size, unfinished: unfinished.size }
}

function track(entry: LedgerEntry, pending: Set<string>, unfinished: Set<string>): void {
  if (!isOfRequest(entry)) return
  const { requestId } = entry
  if (entry.type === 'requested') pending.add(requestId)
  if (entry.type === 'decided') {
    pending.delete(requestId)
    if (entry.decision === 'approved') unfinished.add(requestId)
  }
  if (entry.type === 'spent' && entry.spend !== 'consumed') unfinished.delete(requestId)
  if (entry.type === 'outcome') unfinished.delete(requestId)
}

async function infoOf(nc: NatsConnection, epoch: number): Promise<StreamInfo | undefined> {
  return orMissing((await jetstreamManager(nc)).streams.info(ledgerStream(epoch)))
}

async function readEntry(
  nc: NatsConnection,
  epoch: number,
  subject: string,
): Promise<LedgerEntry | undefined> {
  const { streams } = await jetstreamManager(nc)
  const message = await orMissing(streams.getMessage(ledgerStream(epoch), { last_by_subj: subject }))
  return message ? decodeEntry(message.string()) : undefined
}

async function orMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === 404) return undefined
    if (error instanceof Error && error.name === 'StreamNotFoundError') return undefined
    throw new HoldpointError('UNAVAILABLE', 'NATS does not answer', { cause: error, retryable: true })
  }
}
