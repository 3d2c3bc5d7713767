import { checkAccount } from './account.ts'
import { checkDocuments } from './documents.ts'
import { complaint, type Finding, messageOf } from './finding.ts'
import { checkIdentity } from './identity.ts'
import { checkKeys } from './keys.ts'
import { checkLedger } from './ledger.ts'
import { checkNats } from './nats.ts'
import { checkPermissions } from './permissions.ts'
import type { Scene } from './scene.ts'
import { checkStore } from './store.ts'
import { checkStreams } from './streams.ts'

export type Check = (scene: Scene) => Promise<Finding[]>

/** Everything that is looked at, in the order in which one rests on the other. */
export const CHECKS: Readonly<Record<string, Check>> = {
  keys: checkKeys,
  nats: checkNats,
  documents: checkDocuments,
  streams: checkStreams,
  account: checkAccount,
  permissions: checkPermissions,
  ledger: checkLedger,
  identity: checkIdentity,
  store: checkStore,
}

/** One after the other; what cannot be looked at is a fault, and keeps none of the others from their turn. */
export async function examine(scene: Scene, begins: (name: string) => void = () => {}): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const [name, check] of Object.entries(CHECKS)) {
    begins(name)
    try {
      findings.push(...(await check(scene)))
    } catch (error) {
      findings.push(
        complaint(name, {
          what: `cannot be looked at: ${messageOf(error)}`,
          why: 'what nobody has looked at is not known to hold',
          mend: 'mend what stands in the way, and look again',
        }),
      )
    }
  }
  return findings.map((finding) => ({ ...finding, what: withoutSecrets(finding.what) }))
}

/** Addresses may hold a name and a password (RFC 3986, 3.2.1), and so may what others say of them. */
const withoutSecrets = (text: string): string => text.replace(/(\w:\/\/)[^\s/@"']+@/g, '$1…@')
