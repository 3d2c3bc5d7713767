import { HoldpointError, ledgerSubject, type PolicyEntry } from '#contract'
import { observesAnywhere } from '#policy'
import type { Context } from './context.ts'

/** From this entry on, this policy ruled: what a verifier needs to judge by the policy of the time. */
export async function recordPolicy({ documents, ledger, config, now, log }: Context): Promise<void> {
  if (!documents.hasPolicy())
    return log.warn('no policy has been published: everything is refused until one is')
  const { compiled, version } = documents.policy()
  const entry: PolicyEntry = {
    type: 'policy',
    at: now(),
    version,
    hash: compiled.hash,
    observes: observesAnywhere(compiled),
  }
  const { won, entry: recorded } = await ledger.commit(ledgerSubject.policy(config.epoch, version), entry)
  if (!won && recorded.hash !== compiled.hash)
    throw new HoldpointError('LEDGER_CORRUPT', `policy ${version} is in the ledger with another hash`)
}
