import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { CHECKPOINT_STREAM, checkpointSubject, type TrustedKey } from '#contract'
import { createTree, type Frontier, formatCheckpoint, signCheckpoint, verifyCheckpoint } from '#ledger'
import type { Component, Log } from '#runtime'
import type { PrivateKey } from '#warrant/issue'

/** The Merkle tree over the ledger, and its signed head: one signature vouches for every leaf before it. */
export interface Checkpoints extends Component {
  append(leafHash: Uint8Array): void
  size(): number
  /** Base64. */
  root(): string
  frontier(): Frontier
  /** When the first entry came that no checkpoint covers yet; undefined while all are covered. */
  uncoveredSinceMs(): number | undefined
  /** Goes on from there, whatever there was before. */
  resume(frontier: Frontier): void
  /** The newest that is signed, whichever replica did; undefined before the first. */
  newest(): Promise<SignedCheckpoint | undefined>
  /** The same, where one of the ledger's keys has really signed it; undefined otherwise. */
  verified(): Promise<SignedCheckpoint | undefined>
}

/** A C2SP signed note, how many entries it vouches for, and their root, base64. */
export interface SignedCheckpoint {
  note: string
  size: number
  root: string
}

export interface CheckpointsConfig {
  epoch: number
  origin: string
  key: PrivateKey
  /** The longest that an entry waits for a checkpoint that covers it. */
  everyMs: number
}

export function createCheckpoints(
  config: CheckpointsConfig,
  deps: { nc: NatsConnection; ledgerKeys: () => readonly TrustedKey[]; now: () => number; log: Log },
): Checkpoints {
  const { epoch, origin, key } = config
  let tree = createTree()
  const js = jetstream(deps.nc)
  let signedSize = 0
  let uncoveredSinceMs: number | undefined
  /** Of what has come while a checkpoint is written. */
  let sinceThenMs: number | undefined
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  let isWriting = false

  async function publish(): Promise<void> {
    const size = tree.size()
    if (size === signedSize) return
    sinceThenMs = undefined
    const note = signCheckpoint(formatCheckpoint({ origin, size, root: tree.root() }), {
      name: origin,
      x: key.x,
      sign: key.sign,
    })
    const newest = await readNewest()
    // A replica that lags must not take back what another has vouched for.
    if (newest === undefined || newest.size < size)
      await js.publish(checkpointSubject(epoch), note, {
        expect: { lastSubjectSequence: newest?.sequence ?? 0 },
      })
    signedSize = size
    uncoveredSinceMs = sinceThenMs
  }

  async function readNewest(): Promise<(SignedCheckpoint & { sequence: number }) | undefined> {
    const { streams } = await jetstreamManager(deps.nc, { checkAPI: false })
    const found = await streams.getMessage(CHECKPOINT_STREAM, { last_by_subj: checkpointSubject(epoch) })
    if (!found) return undefined
    const note = found.string()
    const [, size, root = ''] = note.split('\n')
    return { note, size: Number(size), root, sequence: found.seq }
  }

  async function newest(): Promise<SignedCheckpoint | undefined> {
    const found = await readNewest()
    return found && { note: found.note, size: found.size, root: found.root }
  }

  const turn = (): void => {
    if (isWriting) return
    isWriting = true
    writing = publish()
      .catch((error: unknown) => deps.log.warn('no checkpoint was written; tried again', { error }))
      .finally(() => {
        isWriting = false
      })
  }

  return {
    name: 'checkpoints',
    append(hash) {
      tree.append(hash)
      uncoveredSinceMs ??= deps.now()
      sinceThenMs ??= deps.now()
    },
    size: () => tree.size(),
    root: () => Buffer.from(tree.root()).toString('base64'),
    frontier: () => tree.frontier(),
    uncoveredSinceMs: () => uncoveredSinceMs,
    resume(frontier) {
      tree = createTree(frontier)
      signedSize = 0
      uncoveredSinceMs = undefined
    },
    newest,
    async verified() {
      const found = await newest()
      try {
        if (found) verifyCheckpoint(found.note, { origin, keys: deps.ledgerKeys() })
        return found
      } catch (error) {
        deps.log.warn('the newest checkpoint is not believed', { error })
        return undefined
      }
    },
    async start() {
      timer = setInterval(turn, config.everyMs)
    },
    async stop() {
      clearInterval(timer)
      await writing
      turn()
      await writing
    },
  }
}
