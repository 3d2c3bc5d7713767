import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError, TRUST_STREAM, trustSubject } from '#contract'
import { createTrust, type Trust } from '#warrant'

/** What the organisation has signed and published, read when it is needed. */
export interface TrustDocuments {
  /** Undefined where there is none. */
  read(subject: string): Promise<string | undefined>
  /** Subjects on which something stands, and how many messages; `*` for a token of any name. */
  list(pattern: string): Promise<Map<string, number>>
  /**
   * What `verify` makes of a document by any of the published key sets, as of a time: keys are replaced and documents
   * expire, and what counts is whether they held then. Throws what the last key set refused it with.
   */
  openAsOf<T>(atMs: number, verify: (trust: Trust) => T): Promise<T>
}

const KEY_SETS = trustSubject.keySet(0).replace(/0$/, '*')
const NEWEST = 20

export function createTrustDocuments(
  config: { pin: string },
  { nc }: { nc: NatsConnection },
): TrustDocuments {
  async function read(subject: string): Promise<string | undefined> {
    const manager = await jetstreamManager(nc, { checkAPI: false })
    try {
      const message = await manager.streams.getMessage(TRUST_STREAM, { last_by_subj: subject })
      return message?.string()
    } catch (error) {
      if (error instanceof JetStreamApiError && error.status === 404) return undefined
      throw error
    }
  }

  async function list(pattern: string): Promise<Map<string, number>> {
    const manager = await jetstreamManager(nc, { checkAPI: false })
    const { state } = await manager.streams.info(TRUST_STREAM, { subjects_filter: pattern })
    return new Map(Object.entries(state.subjects ?? {}))
  }

  /** Newest first: most often it is the one. */
  async function readKeySets(): Promise<string[]> {
    const versions = [...(await list(KEY_SETS)).keys()].map((subject) => Number(subject.split('.').at(-1)))
    const newest = versions.sort((one, other) => other - one).slice(0, NEWEST)
    const documents = await Promise.all(newest.map((version) => read(trustSubject.keySet(version))))
    return documents.filter((document) => document !== undefined)
  }

  return {
    read,
    list,
    async openAsOf(atMs, verify) {
      let failure: unknown = new HoldpointError('UNTRUSTED', 'no key set is published')
      for (const keySet of await readKeySets()) {
        const trust = createTrust(config, { now: () => atMs })
        try {
          trust.adoptKeySet(keySet)
          return verify(trust)
        } catch (error) {
          failure = error
        }
      }
      throw failure
    },
  }
}
