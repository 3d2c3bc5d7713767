import { type JetStreamManager, jetstreamManager, type StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  decodeEntry,
  epochOf,
  HoldpointError,
  isOfRequest,
  ledgerStream,
  type RequestEntry,
  requestSubjects,
} from '#contract'
import { leafHash } from '#ledger'
import type { Position } from './commit.ts'
import type { Request } from './request-state.ts'
import { add } from './requests.ts'

/** Requests that are not in memory any more, as the ledger tells them. */
export interface Past {
  /** Undefined where the ledger has none by that id. Throws LEDGER_UNAVAILABLE, retryable, where it does not say. */
  read(requestId: string): Promise<Request | undefined>
}

/**
 * Asked for the subjects of a request and then for each of them: the server keeps an index of the former, while a
 * search from message to message walks over everything that was written since.
 */
export function createPast(deps: { nc: NatsConnection }): Past {
  let manager: Promise<JetStreamManager> | undefined

  async function subjectsOf(epoch: number, requestId: string): Promise<string[]> {
    manager ??= jetstreamManager(deps.nc, { checkAPI: false })
    const { streams } = await manager
    const filter = { subjects_filter: requestSubjects(epoch, requestId) }
    const { state }: StreamInfo = await streams.info(ledgerStream(epoch), filter)
    return Object.keys(state.subjects ?? {})
  }

  async function readEntry(stream: string, subject: string): Promise<Placed> {
    const { streams } = await (manager as Promise<JetStreamManager>)
    const message = await streams.getMessage(stream, { last_by_subj: subject })
    if (!message) throw new HoldpointError('LEDGER_CORRUPT', `ledger: ${subject} was there a moment ago`)
    const entry = decodeEntry(message.string())
    if (!isOfRequest(entry))
      throw new HoldpointError('LEDGER_CORRUPT', `ledger: a ${entry.type} entry at ${subject}`)
    const hash = Buffer.from(leafHash(message.data)).toString('base64')
    return { entry, position: { index: message.seq - 1, leafHash: hash } }
  }

  return {
    async read(requestId) {
      // Whoever asks may have made it up, and a subject with a wildcard in it would be a question about all others.
      if (!REQUEST_ID.test(requestId)) return undefined
      const epoch = epochOf(requestId)
      try {
        const subjects = await subjectsOf(epoch, requestId)
        const read = subjects.map((subject) => readEntry(ledgerStream(epoch), subject))
        return requestOf(await Promise.all(read))
      } catch (cause) {
        if (cause instanceof HoldpointError) throw cause
        if ((cause as { code?: unknown }).code === STREAM_NOT_FOUND) return undefined
        throw new HoldpointError('LEDGER_UNAVAILABLE', undefined, { cause, retryable: true })
      }
    },
  }
}

/** As `requestIdOf` makes them. */
const REQUEST_ID = /^\d{1,9}-[a-z2-7]{26}$/
/** An epoch that never was, or is not kept here any more. */
const STREAM_NOT_FOUND = 10059

interface Placed {
  entry: RequestEntry
  position: Position
}

function requestOf(placed: Placed[]): Request | undefined {
  placed.sort((one, other) => one.position.index - other.position.index)
  const [first, ...later] = placed
  if (first?.entry.type !== 'requested') return undefined
  const request: Request = { requested: { ...first.entry, ...first.position }, reviews: [] }
  for (const { entry, position } of later) add(request, entry, position)
  return request
}
