import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { digestBytes, HoldpointError, type PolicyEntry, TRUST_STREAM, trustSubject } from '#contract'
import { parsePolicy } from '#policy'
import type { Log } from '#runtime'
import { createTrust } from '#warrant'
import { createPolicyTable, type PolicyTable } from './rerule.ts'

/** The versions of the policy that the ledger names, each verified as of the time it came into force. */
export interface Policies {
  /** Fetches what is not known yet. Never throws: what cannot be had or verified stays unknown. */
  prepare(entries: readonly PolicyEntry[]): Promise<void>
  table(entry: PolicyEntry): PolicyTable | undefined
}

/** A document that could not be had is asked for again after this, not with every batch. */
const RETRY_AFTER_MS = 2_000
const KEY_SETS = trustSubject.keySet(0).replace(/0$/, '*')

export function createPolicies(
  config: { pin: string },
  deps: { nc: NatsConnection; now: () => number; log: Log },
): Policies {
  const tables = new Map<string, PolicyTable>()
  const failedAtMs = new Map<string, number>()

  async function load(entry: PolicyEntry): Promise<PolicyTable> {
    const jws = await read(trustSubject.policy(entry.version))
    if (jws === undefined) throw new HoldpointError('NOT_FOUND', `policy ${entry.version} is not published`)
    const source = openAsOf(entry.at, jws, await readKeySets())
    // The ledger says which bytes ruled; a signature alone would let two documents share a version.
    if (digestBytes(source) !== entry.hash)
      throw new HoldpointError('UNTRUSTED', `policy ${entry.version} is not the one that the ledger names`)
    return createPolicyTable(parsePolicy(source, `policy ${entry.version}`), entry)
  }

  /** Keys are replaced and documents expire; what counts is whether they held when this policy began to rule. */
  function openAsOf(atMs: number, jws: string, keySets: string[]): string {
    let failure: unknown = new HoldpointError('UNTRUSTED', 'no key set is published')
    for (const keySet of keySets) {
      const trust = createTrust(config, { now: () => atMs })
      try {
        trust.adoptKeySet(keySet)
        return trust.verifyPolicy(jws).source
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  /** Newest first: most often it is the one. */
  async function readKeySets(): Promise<string[]> {
    const manager = await jetstreamManager(deps.nc, { checkAPI: false })
    const { state } = await manager.streams.info(TRUST_STREAM, { subjects_filter: KEY_SETS })
    const versions = Object.keys(state.subjects ?? {}).map((subject) => Number(subject.split('.').at(-1)))
    const newest = versions.sort((one, other) => other - one).slice(0, 20)
    const documents = await Promise.all(newest.map((version) => read(trustSubject.keySet(version))))
    return documents.filter((document) => document !== undefined)
  }

  async function read(subject: string): Promise<string | undefined> {
    const manager = await jetstreamManager(deps.nc, { checkAPI: false })
    try {
      const message = await manager.streams.getMessage(TRUST_STREAM, { last_by_subj: subject })
      return message?.string()
    } catch (error) {
      if (error instanceof JetStreamApiError && error.status === 404) return undefined
      throw error
    }
  }

  async function prepareOne(entry: PolicyEntry): Promise<void> {
    const key = keyOf(entry)
    if (tables.has(key) || deps.now() - (failedAtMs.get(key) ?? -Infinity) < RETRY_AFTER_MS) return
    try {
      tables.set(key, await load(entry))
      failedAtMs.delete(key)
    } catch (error) {
      failedAtMs.set(key, deps.now())
      deps.log.warn('a policy cannot be used to judge spans', { version: entry.version, error })
    }
  }

  return {
    async prepare(entries) {
      await Promise.all(entries.map(prepareOne))
    },
    table: (entry) => tables.get(keyOf(entry)),
  }
}

const keyOf = ({ version, hash, at }: PolicyEntry): string => `${version} ${hash} ${at}`
