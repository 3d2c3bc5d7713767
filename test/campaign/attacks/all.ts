import type { Attack } from './attack.ts'
import { warrantAttacks } from './warrants.ts'

export const ATTACKS: readonly Attack[] = [...warrantAttacks]
