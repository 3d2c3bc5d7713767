import { digestBytes, HoldpointError, type PolicyEntry, trustSubject } from '#contract'
import { parsePolicy } from '#policy'
import type { Log } from '#runtime'
import { createPolicyTable, type PolicyTable } from './rerule.ts'
import type { TrustDocuments } from './trust-documents.ts'

/** The versions of the policy that the ledger names, each verified as of the time it came into force. */
export interface Policies {
  /** Fetches what is not known yet. Never throws: what cannot be had or verified stays unknown. */
  prepare(entries: readonly PolicyEntry[]): Promise<void>
  table(entry: PolicyEntry): PolicyTable | undefined
  /** All that could be read so far. */
  known(): readonly PolicyTable[]
}

/** A document that could not be had is asked for again after this, not with every batch. */
const RETRY_AFTER_MS = 2_000

export function createPolicies(deps: { documents: TrustDocuments; now: () => number; log: Log }): Policies {
  const { documents } = deps
  const tables = new Map<string, PolicyTable>()
  const failedAtMs = new Map<string, number>()

  async function load(entry: PolicyEntry): Promise<PolicyTable> {
    const jws = await documents.read(trustSubject.policy(entry.version))
    if (jws === undefined) throw new HoldpointError('NOT_FOUND', `policy ${entry.version} is not published`)
    const { source } = await documents.openAsOf(entry.at, (trust) => trust.verifyPolicy(jws))
    // The ledger says which bytes ruled; a signature alone would let two documents share a version.
    if (digestBytes(source) !== entry.hash)
      throw new HoldpointError('UNTRUSTED', `policy ${entry.version} is not the one that the ledger names`)
    return createPolicyTable(parsePolicy(source, `policy ${entry.version}`), entry)
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
    known: () => [...tables.values()],
  }
}

const keyOf = ({ version, hash, at }: PolicyEntry): string => `${version} ${hash} ${at}`
