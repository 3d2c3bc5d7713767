import { type JetStreamManager, jetstreamManager, type StreamAPI } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  decodeEntry,
  epochOf,
  HoldpointError,
  isOfRequest,
  ledgerStream,
  ledgerSubject,
  type RequestEntry,
  requestSubjects,
} from '#contract'
import { leafHash } from '#ledger'
import type { Request } from '../state/request-state.ts'
import { add } from '../state/requests.ts'
import type { Position } from './commit.ts'

/** Requests that are not in memory any more, as the ledger tells them. */
export interface Past {
  /** Undefined where the ledger has none by that id. Throws LEDGER_UNAVAILABLE, retryable, where it does not say. */
  read(requestId: string): Promise<Request | undefined>
}

/**
 * The server is asked for the subjects of a request, of which it keeps an index, and then for each of them: a search
 * from message to message walks over everything that was written since (measured: 80 ms among 300,000).
 */
export function createPast(deps: { nc: NatsConnection }): Past {
  let manager: Promise<JetStreamManager> | undefined

  const streams = async (): Promise<StreamAPI> => {
    manager ??= jetstreamManager(deps.nc, { checkAPI: false })
    return (await manager).streams
  }

  async function readEntry(stream: string, subject: string): Promise<Placed | undefined> {
    const message = await (await streams()).getMessage(stream, { last_by_subj: subject })
    if (!message) return undefined
    const entry = decodeEntry(message.string())
    if (!isOfRequest(entry))
      throw new HoldpointError('LEDGER_CORRUPT', `ledger: a ${entry.type} entry at ${subject}`)
    const hash = Buffer.from(leafHash(message.data)).toString('base64')
    return { entry, position: { index: message.seq - 1, leafHash: hash } }
  }

  async function readAll(epoch: number, requestId: string): Promise<Request | undefined> {
    const stream = ledgerStream(epoch)
    const opened = ledgerSubject.requested(epoch, requestId)
    const first = await readEntry(stream, opened)
    if (!first) return undefined
    const filter = { subjects_filter: requestSubjects(epoch, requestId) }
    const { state } = await (await streams()).info(stream, filter)
    const others = Object.keys(state.subjects ?? {}).filter((subject) => subject !== opened)
    const later = await Promise.all(others.map((subject) => readEntry(stream, subject)))
    return requestOf([first, ...later].filter((placed) => placed !== undefined))
  }

  return {
    async read(requestId) {
      // Whoever asks may have made it up, and a subject with a wildcard in it would be a question about all others.
      if (!REQUEST_ID.test(requestId)) return undefined
      try {
        return await readAll(epochOf(requestId), requestId)
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
