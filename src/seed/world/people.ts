import type { Assurance, NamedPrincipal } from '#contract'
import { IDP } from './names.ts'

export type Zone = 'Europe/Berlin' | 'America/New_York' | 'Asia/Singapore'
export type Channel = 'console' | 'slack' | 'teams' | 'cli'

export interface Person extends NamedPrincipal {
  zone: Zone
  /** As the policy writes them. */
  groups: readonly string[]
  /** Where an answer comes from if the rule leaves the choice. */
  channel: Channel
  /** How this person signs in where the rule asks for more than a chat. */
  assurance: Exclude<Assurance, 'chat'>
  /** Half of the answers come within this. */
  medianMs: number
  /** Also wakes up for it. */
  isOnCall: boolean
}

type Group =
  | 'sre'
  | 'support-leads'
  | 'finance'
  | 'data-owners'
  | 'platform-admins'
  | 'security-oncall'
  | 'editors'

const S = 1000
const person = (
  sub: string,
  name: string,
  zone: Zone,
  groups: readonly Group[],
  [channel, assurance, medianS]: [Channel, Person['assurance'], number],
  isOnCall = false,
): Person => ({
  iss: IDP,
  sub,
  name,
  zone,
  groups: groups.map((group) => `oidc:${IDP}#group/${group}`),
  channel,
  assurance,
  medianMs: medianS * S,
  isOnCall,
})

const BERLIN = 'Europe/Berlin'
const NEW_YORK = 'America/New_York'
const SINGAPORE = 'Asia/Singapore'

export const PEOPLE: readonly Person[] = [
  person(
    'mira.lindqvist',
    'Mira Lindqvist',
    BERLIN,
    ['support-leads', 'data-owners'],
    ['console', 'passkey', 70],
  ),
  person('jonas.weber', 'Jonas Weber', BERLIN, ['support-leads'], ['slack', 'login', 45]),
  person('amara.okafor', 'Amara Okafor', NEW_YORK, ['support-leads', 'finance'], ['slack', 'login', 95]),
  person('derek.holt', 'Derek Holt', NEW_YORK, ['finance'], ['console', 'login', 160]),
  person('sofia.marin', 'Sofía Marín', NEW_YORK, ['finance', 'data-owners'], ['teams', 'step-up', 120]),
  person('henrik.dahl', 'Henrik Dahl', BERLIN, ['finance'], ['console', 'step-up', 210]),
  person('priya.raman', 'Priya Raman', SINGAPORE, ['sre', 'security-oncall'], ['cli', 'passkey', 60], true),
  person('kenji.mori', 'Kenji Mori', SINGAPORE, ['sre', 'platform-admins'], ['slack', 'step-up', 80], true),
  person('lena.brandt', 'Lena Brandt', BERLIN, ['sre', 'platform-admins'], ['cli', 'passkey', 55], true),
  person('tomasz.wojcik', 'Tomasz Wójcik', BERLIN, ['sre'], ['console', 'login', 130]),
  person(
    'grace.adeyemi',
    'Grace Adeyemi',
    NEW_YORK,
    ['sre', 'security-oncall'],
    ['console', 'passkey', 75],
    true,
  ),
  person(
    'walter.kim',
    'Walter Kim',
    NEW_YORK,
    ['platform-admins', 'security-oncall'],
    ['cli', 'step-up', 100],
    true,
  ),
  person('ines.duarte', 'Inês Duarte', BERLIN, ['data-owners'], ['console', 'step-up', 180]),
  person(
    'oliver.grant',
    'Oliver Grant',
    NEW_YORK,
    ['data-owners', 'security-oncall'],
    ['console', 'passkey', 140],
  ),
  person('nadia.haddad', 'Nadia Haddad', BERLIN, ['editors'], ['teams', 'login', 240]),
  person('chloe.martin', 'Chloé Martin', NEW_YORK, ['editors'], ['slack', 'login', 150]),
  // These ask, and answer nothing.
  person('ben.fischer', 'Ben Fischer', BERLIN, [], ['console', 'login', 0]),
  person('aylin.kaya', 'Aylin Kaya', BERLIN, [], ['console', 'login', 0]),
  person('luca.romano', 'Luca Romano', BERLIN, [], ['console', 'login', 0]),
  person('emily.stone', 'Emily Stone', NEW_YORK, [], ['console', 'login', 0]),
  person('marcus.reed', 'Marcus Reed', NEW_YORK, [], ['console', 'login', 0]),
  person('rosa.delgado', 'Rosa Delgado', NEW_YORK, [], ['console', 'login', 0]),
  person('wei.tan', 'Wei Tan', SINGAPORE, [], ['console', 'login', 0]),
  person('siti.rahim', 'Siti Rahim', SINGAPORE, [], ['console', 'login', 0]),
]

const bySub = new Map(PEOPLE.map((one) => [one.sub, one]))

export function personOf(sub: string): Person {
  const found = bySub.get(sub)
  if (found === undefined) throw new RangeError(`nobody is called ${sub}`)
  return found
}
