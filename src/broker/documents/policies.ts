import { type Digest, digestBytes, HoldpointError, type PolicyDocument } from '#contract'
import { type CompiledPolicy, loadPolicy } from '#policy'
import type { Log } from '#runtime'
import type { Trust } from '#warrant'
import type { Standing } from '../state/standing.ts'

/** A policy that rules: verified, adopted for a reason that the ledger can tell, and recorded there. */
export interface PolicyInForce {
  compiled: CompiledPolicy
  version: number
  jws: string
  document: PolicyDocument
  /** The request that released it, as the ledger has it: what the document says of that is its signer's word. */
  release?: string
}

/** A policy whose signature is good. That alone brings none but the first into force. */
export interface SignedPolicy {
  jws: string
  document: PolicyDocument
  hash: Digest
  signedBy: 'policy' | 'organisation'
}

/** `release`: the request that released it. `force`: by the organisation key alone. */
export type Admission = { admitted: true; release?: string; force?: true } | { admitted: false; why: string }

export interface Policies {
  /** Undefined while there is none that can be verified, has not expired and is the newest known. */
  current(): PolicyInForce | undefined
  /** The one that ruled last here, whatever has become of it since. */
  last(): CompiledPolicy | undefined
  /** Somebody has put this where policies lie: it may be anything. */
  offer(jws: string): void
  /** Another key set: what it no longer trusts rules no longer, and what it trusts now is looked at again. */
  keysChanged(): void
  /** The ledger knows another policy: through another replica, which may have had reasons that we had not. */
  ledgerChanged(): void
  /** From here on policies are judged: the ledger has been read. Resolves when all those offered so far are. */
  open(): Promise<void>
  close(): Promise<void>
}

export interface PoliciesDeps {
  trust: Trust
  now: () => number
  log: Log
  /** As the ledger has it. */
  standing(): Standing | undefined
  /** Throws what can pass; then it is tried again. */
  admit(policy: SignedPolicy, standing: () => Standing | undefined): Promise<Admission>
  /** Writes it into the ledger. Throws LEDGER_CORRUPT where another text has its version there. */
  record(policy: SignedPolicy, compiled: CompiledPolicy, release?: string): Promise<void>
  onAdopted(policy: SignedPolicy, admission: Admission & { admitted: true }): void
  onRefused(policy: SignedPolicy, why: string): void
}

const AGAIN_MS = 1_000
/** Of those that were judged and are not in force: whoever floods us with them is not kept in mind. */
const MOST_WAITING = 50

export function createPolicies(deps: PoliciesDeps): Policies {
  const { trust, log } = deps
  let inForce: PolicyInForce | undefined
  let last: CompiledPolicy | undefined
  /** Not in force, perhaps not yet: signed by keys that we do not know, or not released as far as we know. */
  const waiting = new Set<string>()
  let isOpen = false
  let again: NodeJS.Timeout | undefined
  /** One after the other: each is judged by what stands after the one before it. */
  let judging: Promise<void> = Promise.resolve()

  /** What we have adopted counts at once; the ledger's tail tells of it a moment later. */
  function standing(): Standing | undefined {
    const recorded = deps.standing()
    if (!inForce || (recorded && recorded.version >= inForce.version)) return recorded
    const { version, compiled, release } = inForce
    return { version, hash: compiled.hash, ...(release === undefined ? {} : { release }) }
  }

  function judge(documents: () => Iterable<string>): void {
    if (!isOpen) return
    judging = judging.then(async () => {
      for (const policy of inOrder(opened(documents()))) if (isOpen) await judgeOne(policy)
      forgetOldest()
    })
  }

  /** Never one that is still to be judged: among those that lie there at a start is the one that stands. */
  function forgetOldest(): void {
    if (again) return
    for (const jws of [...waiting].slice(0, -MOST_WAITING)) waiting.delete(jws)
  }

  function judgeAgain(): void {
    clearTimeout(again)
    again = undefined
    judge(() => waiting)
  }

  /** Those whose signatures are good. */
  function opened(documents: Iterable<string>): SignedPolicy[] {
    return [...documents].flatMap((jws) => {
      try {
        const { document, signedBy } = trust.openPolicy(jws)
        return [{ jws, document, signedBy, hash: digestBytes(document.source) }]
      } catch (error) {
        log.warn('a policy was refused', { error })
        return []
      }
    })
  }

  /** A house whose ledger knows no policy yet begins with its newest. */
  function inOrder(policies: SignedPolicy[]): SignedPolicy[] {
    const rising = policies.toSorted((one, other) => one.document.version - other.document.version)
    return standing() ? rising : rising.slice(-1)
  }

  async function judgeOne(policy: SignedPolicy): Promise<void> {
    const { version } = policy.document
    const newest = standing()?.version ?? 0
    if (version < newest) {
      waiting.delete(policy.jws)
      // The stream keeps every version: only whoever puts one back is worth a word.
      if (inForce) log.warn('a policy was refused', { version, reason: `policy ${newest} stands` })
      return
    }
    try {
      const admission = await deps.admit(policy, standing)
      if (admission.admitted) await adopt(policy, admission)
      else deps.onRefused(policy, admission.why)
    } catch (error) {
      log.error('a policy was not adopted', { version, error })
      if (!(error instanceof HoldpointError && LASTING.has(error.code)))
        again = setTimeout(judgeAgain, AGAIN_MS)
    }
  }

  /** Recorded first, then in force: nothing is ruled by a policy that the ledger has not heard of. */
  async function adopt(policy: SignedPolicy, admission: Admission & { admitted: true }): Promise<void> {
    const { jws, document } = policy
    const { version, source } = document
    const compiled = loadPolicy(source, version)
    const { release } = admission
    await deps.record(policy, compiled, release)
    trust.verifyPolicy(jws)
    waiting.delete(jws)
    last = compiled
    inForce = { compiled, version, jws, document, ...(release === undefined ? {} : { release }) }
    deps.onAdopted(policy, admission)
  }

  return {
    current() {
      const recorded = deps.standing()
      if (!inForce || !trust.keySet() || inForce.document.exp * 1000 <= deps.now()) return undefined
      return recorded && inForce.version < recorded.version ? undefined : inForce
    },
    last: () => last,
    offer(jws) {
      waiting.add(jws)
      judge(() => [jws])
    },
    keysChanged() {
      if (inForce && opened([inForce.jws]).length === 0) {
        waiting.add(inForce.jws)
        inForce = undefined
      }
      judgeAgain()
    },
    ledgerChanged: judgeAgain,
    async open() {
      isOpen = true
      judgeAgain()
      await judging
    },
    async close() {
      isOpen = false
      clearTimeout(again)
      await judging
    },
  }
}

/** What another try will not change. */
const LASTING: ReadonlySet<string> = new Set([
  'INVALID_POLICY',
  'INVALID_INPUT',
  'UNTRUSTED',
  'STALE',
  'LEDGER_CORRUPT',
])
