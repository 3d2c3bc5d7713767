import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { CHECKPOINT_STREAM, checkpointSubject } from '#contract'
import { createTree, formatCheckpoint, signCheckpoint } from '#ledger'
import type { Component, Log } from '#runtime'
import type { PrivateKey } from '#warrant/issue'

/** The Merkle tree over the ledger, and its signed head: one signature vouches for every leaf before it. */
export interface Checkpoints extends Component {
  append(leafHash: Uint8Array): void
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
  deps: { nc: NatsConnection; log: Log },
): Checkpoints {
  const { epoch, origin, key } = config
  const tree = createTree()
  const js = jetstream(deps.nc)
  let signedSize = 0
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  let isWriting = false

  async function publish(): Promise<void> {
    const size = tree.size()
    if (size === signedSize) return
    const note = signCheckpoint(formatCheckpoint({ origin, size, root: tree.root() }), {
      name: origin,
      x: key.x,
      sign: key.sign,
    })
    const newest = await readNewest()
    // A replica that lags must not take back what another has vouched for.
    if (!(newest.size >= size))
      await js.publish(checkpointSubject(epoch), note, { expect: { lastSubjectSequence: newest.sequence } })
    signedSize = size
  }

  async function readNewest(): Promise<{ size: number; sequence: number }> {
    const { streams } = await jetstreamManager(deps.nc, { checkAPI: false })
    const found = await streams.getMessage(CHECKPOINT_STREAM, { last_by_subj: checkpointSubject(epoch) })
    return { size: Number(found?.string().split('\n')[1] ?? 0), sequence: found?.seq ?? 0 }
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
    append: (hash) => void tree.append(hash),
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
