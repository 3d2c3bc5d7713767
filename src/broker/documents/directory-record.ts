import { ledgerSubject } from '#contract'
import type { Context } from '../context.ts'

/**
 * The ledger remembers which directory of people is in force. Whoever can remove it from where it is published, or put
 * an older one there, does not make two of one person: a broker that starts later knows that there was a newer one.
 */
export async function recordDirectory(
  {
    documents,
    knownDirectory,
    ledger,
    now,
  }: Pick<Context, 'documents' | 'knownDirectory' | 'ledger' | 'now'>,
  epoch: number,
): Promise<void> {
  const [known, current] = [knownDirectory(), documents.directory()]
  // Also one that is not published any more: the next epoch knows of it, too.
  const directory = (current?.version ?? 0) > (known?.version ?? 0) ? current : known
  if (!directory) return
  const { version, hash } = directory
  await ledger.commit(ledgerSubject.directory(epoch, version), {
    type: 'directory',
    at: now(),
    version,
    hash,
  })
}
