import { HoldpointError, ledgerSubject, type PolicyEntry } from '#contract'
import { type CompiledPolicy, observesAnywhere } from '#policy'
import type { Context } from '../context.ts'

/**
 * From this entry on, this policy ruled: what a verifier needs to judge by the policy of the time.
 * Throws LEDGER_CORRUPT where another text has its version in the ledger.
 */
export async function recordPolicy(
  { ledger, now }: Pick<Context, 'ledger' | 'now'>,
  epoch: number,
  compiled: CompiledPolicy,
  release?: string,
): Promise<void> {
  const { version, hash } = compiled
  const entry: PolicyEntry = {
    type: 'policy',
    at: now(),
    version,
    hash,
    observes: observesAnywhere(compiled),
    ...(release === undefined ? {} : { release }),
  }
  const { won, entry: recorded } = await ledger.commit(ledgerSubject.policy(epoch, version), entry)
  if (!won && recorded.hash !== hash)
    throw new HoldpointError('LEDGER_CORRUPT', `policy ${version} is in the ledger with another hash`)
}

/** Whoever reads this epoch alone has to know by which policy its requests were ruled. */
export async function recordPolicyInForce(context: Context, epoch: number): Promise<void> {
  try {
    const { compiled, release } = context.documents.policy()
    await recordPolicy(context, epoch, compiled, release)
  } catch (error) {
    // Nothing is ruled by what is not in force.
    if (!(error instanceof HoldpointError && error.code === 'POLICY_UNAVAILABLE')) throw error
  }
}
