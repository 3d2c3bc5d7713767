import type { Attack } from './attack.ts'
import { brokerAttacks } from './broker.ts'
import { consoleAttacks } from './console.ts'
import { detachedAttacks } from './detached.ts'
import { digestAttacks } from './digests.ts'
import { gateAttacks } from './gate.ts'
import { identityAttacks } from './identity.ts'
import { natsAttacks } from './nats.ts'
import { resourceAttacks } from './resource.ts'
import { shownAttacks } from './shown.ts'
import { signatureAttacks } from './signatures.ts'
import { warrantAttacks } from './warrants.ts'

/** Whoever adds a file adds its line here. */
export const ATTACKS: readonly Attack[] = [
  ...warrantAttacks,
  ...signatureAttacks,
  ...gateAttacks,
  ...detachedAttacks,
  ...resourceAttacks,
  ...digestAttacks,
  ...brokerAttacks,
  ...identityAttacks,
  ...natsAttacks,
  ...shownAttacks,
  ...consoleAttacks,
]
