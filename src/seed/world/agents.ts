import type { EnforcementPoint } from '#contract'
import {
  ANALYST,
  BILLING,
  type Call,
  CLOUD,
  COURIER,
  DEPLOY,
  MARKETING,
  ON_CALL,
  PEOPLE_OPERATIONS,
  RELEASES,
  REPORTS,
  SUPPORT,
} from './actions.ts'
import type { Zone } from './people.ts'

/** When it works: with people at their desks, around the clock, or while everybody sleeps. */
export type Shift = 'office' | 'always' | 'night'

export interface Agent {
  /** As it is registered. */
  id: string
  name: string
  owner: string
  /** For whom it acts; empty where it acts on a schedule. */
  users: readonly string[]
  environment: 'prod' | 'staging'
  enforcement: EnforcementPoint
  service: string
  model: 'gpt-5.2' | 'claude-sonnet-5' | 'mistral-large-3'
  provider: 'openai' | 'anthropic' | 'mistral_ai'
  zone: Zone
  shift: Shift
  /** Its share of the week's traffic. */
  weight: number
  calls: readonly Call[]
  /** It asks, ends, and goes on in another trace once people have answered. */
  isDetached?: true
}

type Given = Omit<Agent, 'environment' | 'enforcement' | 'service' | 'model' | 'provider'> &
  Partial<Agent> & { model?: Agent['model'] }

const PROVIDERS = {
  'gpt-5.2': 'openai',
  'claude-sonnet-5': 'anthropic',
  'mistral-large-3': 'mistral_ai',
} as const

function agent({ model = 'gpt-5.2', ...given }: Given): Agent {
  return {
    environment: 'prod',
    enforcement: `in-process:${given.id}`,
    service: `${given.id}-agent`,
    ...given,
    model,
    provider: PROVIDERS[model],
  }
}

const BERLIN = {
  zone: 'Europe/Berlin',
  shift: 'office',
  users: ['ben.fischer', 'aylin.kaya', 'luca.romano'],
} as const
const NEW_YORK = {
  zone: 'America/New_York',
  shift: 'office',
  users: ['emily.stone', 'marcus.reed', 'rosa.delgado'],
} as const
const SINGAPORE = { zone: 'Asia/Singapore', shift: 'office', users: ['wei.tan', 'siti.rahim'] } as const
const NOBODY = { users: [] } as const

export const AGENTS: readonly Agent[] = [
  agent({
    id: 'support-eu',
    name: 'Support Europe',
    owner: 'mira.lindqvist',
    ...BERLIN,
    weight: 22,
    calls: SUPPORT,
  }),
  agent({
    id: 'support-us',
    name: 'Support Americas',
    owner: 'amara.okafor',
    ...NEW_YORK,
    weight: 22,
    calls: SUPPORT,
  }),
  agent({
    id: 'support-asia',
    name: 'Support Asia',
    owner: 'jonas.weber',
    ...SINGAPORE,
    weight: 9,
    calls: SUPPORT,
  }),
  agent({
    id: 'billing',
    name: 'Billing clerk',
    owner: 'derek.holt',
    ...NEW_YORK,
    weight: 10,
    calls: BILLING,
    model: 'claude-sonnet-5',
  }),
  agent({
    id: 'sales-analyst',
    name: 'Sales analyst',
    owner: 'henrik.dahl',
    ...BERLIN,
    weight: 9,
    calls: ANALYST,
    model: 'claude-sonnet-5',
  }),
  agent({
    id: 'people-desk',
    name: 'People desk',
    owner: 'ines.duarte',
    ...NEW_YORK,
    weight: 4,
    calls: PEOPLE_OPERATIONS,
  }),
  agent({
    id: 'campaigns',
    name: 'Campaign writer',
    owner: 'nadia.haddad',
    ...BERLIN,
    weight: 5,
    calls: MARKETING,
    enforcement: 'gateway:campaigns',
    model: 'mistral-large-3',
  }),
  agent({
    id: 'deploy',
    name: 'Deploy captain',
    owner: 'tomasz.wojcik',
    ...BERLIN,
    weight: 5,
    calls: DEPLOY,
    model: 'claude-sonnet-5',
  }),
  agent({
    id: 'cloud-keeper',
    name: 'Cloud keeper',
    owner: 'walter.kim',
    ...SINGAPORE,
    ...NOBODY,
    shift: 'always',
    weight: 4,
    calls: CLOUD,
  }),
  agent({
    id: 'release-train',
    name: 'Release train',
    owner: 'kenji.mori',
    ...BERLIN,
    ...NOBODY,
    weight: 2,
    calls: RELEASES,
    isDetached: true,
  }),
  agent({
    id: 'on-call',
    name: 'On-call helper',
    owner: 'priya.raman',
    ...SINGAPORE,
    ...NOBODY,
    shift: 'always',
    weight: 4,
    calls: ON_CALL,
  }),
  agent({
    id: 'night-reports',
    name: 'Night reports',
    owner: 'sofia.marin',
    ...BERLIN,
    ...NOBODY,
    shift: 'night',
    weight: 3,
    calls: REPORTS,
  }),
  agent({
    id: 'support-lab',
    name: 'Support laboratory',
    owner: 'mira.lindqvist',
    ...BERLIN,
    weight: 1,
    calls: SUPPORT,
    environment: 'staging',
    model: 'mistral-large-3',
  }),
  // Not at work in an ordinary week.
  agent({
    id: 'courier',
    name: 'Courier desk',
    owner: 'oliver.grant',
    ...NEW_YORK,
    weight: 0,
    calls: COURIER,
  }),
]

const byId = new Map(AGENTS.map((one) => [one.id, one]))

export function agentOf(id: string): Agent {
  const found = byId.get(id)
  if (found === undefined) throw new RangeError(`no agent is called ${id}`)
  return found
}
