import { digestBytes, digestHex } from '#contract'
import type { Log } from '#runtime'
import type { Trust } from '#warrant'
import type { Context } from '../context.ts'
import type { Standing } from '../state/standing.ts'
import { type Admission, createPolicies, type Policies, type SignedPolicy } from './policies.ts'
import { recordPolicy } from './policy-record.ts'
import { whyNotReleased } from './release.ts'

/**
 * `held`: a change of the policy is an action that people release. `signed`: the policy key alone brings one into
 * force, for development.
 */
export type PolicyChanges = 'held' | 'signed'

export interface AdoptionDeps {
  trust: Trust
  standing(): Standing | undefined
  /** Asked for late: it is made of this, too. */
  context(): Context
  onAdopted(): void
  now: () => number
  log: Log
}

/** Policies, and for what reasons this broker brings one into force. */
export function createAdoption(changes: PolicyChanges, deps: AdoptionDeps): Policies {
  const { trust, context, now, log } = deps

  async function admit(policy: SignedPolicy, standing: () => Standing | undefined): Promise<Admission> {
    if (changes === 'held') await context().catchUp()
    const stands = standing()
    const why = whyOutOfTurn(policy, stands, changes)
    if (why !== undefined) return { admitted: false, why }
    // A house begins with what is signed.
    if (!stands) return { admitted: true }
    if (policy.signedBy === 'organisation') return { admitted: true, force: true }
    // What the ledger has, some broker has adopted for good reasons.
    if (stands.version === policy.document.version) {
      const { release } = stands
      return { admitted: true, ...(release === undefined ? {} : { release }) }
    }
    const released = await byRelease(context(), policy, stands)
    return released.admitted || changes === 'held' ? released : { admitted: true }
  }

  function alarm({ document, jws }: SignedPolicy, what: string, text: string): void {
    const name = `${document.version}-${what}-${digestHex(digestBytes(jws)).slice(0, 16)}`
    context().notify.alarm('policy', name, { kind: 'policy', atMs: now(), text })
  }

  return createPolicies({
    trust,
    now,
    log,
    standing: deps.standing,
    admit,
    record: (_, compiled, release) => recordPolicy(context(), context().epoch(), compiled, release),
    onAdopted(policy, { force }) {
      const { version } = policy.document
      if (force) {
        const text = `Policy ${version} came into force by the organisation key: nobody released it.`
        log.error(text, { version })
        alarm(policy, 'forced', text)
      } else log.info('a policy is in force', { version })
      deps.onAdopted()
    },
    onRefused(policy, why) {
      const { version } = policy.document
      log.error('a policy was refused: the one in force stays', { version, reason: why })
      alarm(policy, 'refused', `Policy ${version} is signed, and was refused: ${why}.`)
    },
  })
}

/** Versions follow each other: whoever holds the policy key cannot use up those that others would need. */
function whyOutOfTurn(
  { document, hash }: SignedPolicy,
  stands: Standing | undefined,
  changes: PolicyChanges,
): string | undefined {
  const { version } = document
  if (stands?.version === version && stands.hash !== hash)
    return `the ledger has policy ${version} with another text`
  if (changes === 'signed' || !stands || version === stands.version || version === stands.version + 1)
    return undefined
  return `policy ${stands.version} stands, and ${stands.version + 1} is the next`
}

async function byRelease(
  context: Context,
  { document, hash }: SignedPolicy,
  stands: Standing,
): Promise<Admission> {
  const { release } = document
  if (release !== undefined) {
    const why = await whyNotReleased(context, document, stands)
    return why === undefined ? { admitted: true, release } : { admitted: false, why }
  }
  // The same text again is good for longer, and changes nothing.
  if (hash === stands.hash) return { admitted: true }
  return { admitted: false, why: 'nobody has released it' }
}
