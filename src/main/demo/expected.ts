import type { ActionRow } from './evidence.ts'

export type Expected = Pick<
  ActionRow,
  'name' | 'ruling' | 'decision' | 'outcome' | 'approver' | 'verification'
>

/** What the story has to end with. The actor is the same in all of them, and never the approver. */
export const expectations: readonly Expected[] = [
  {
    name: 'lookup_customer',
    ruling: 'allow',
    decision: null,
    outcome: 'executed',
    approver: null,
    verification: 'not_required',
  },
  {
    name: 'export_customers',
    ruling: 'hold',
    decision: 'approved',
    outcome: 'executed',
    approver: 'Bob Berger',
    verification: 'verified',
  },
  {
    name: 'grant_role',
    ruling: 'hold',
    decision: 'approved',
    outcome: 'executed',
    approver: 'Carol Chen',
    verification: 'verified',
  },
  {
    name: 'drop_database',
    ruling: 'deny',
    decision: null,
    outcome: 'not_run',
    approver: null,
    verification: 'refused',
  },
]

/** What the attacker's spans have to be found to be, whatever they say of themselves. */
export const attackExpectations: readonly Expected[] = [
  {
    name: 'rotate_keys',
    ruling: 'hold',
    decision: null,
    outcome: 'executed',
    approver: null,
    verification: 'forged',
  },
  {
    name: 'export_customers',
    ruling: 'hold',
    decision: null,
    outcome: 'executed',
    approver: null,
    verification: 'replayed',
  },
  {
    name: 'grant_role',
    ruling: 'hold',
    decision: null,
    outcome: 'executed',
    approver: null,
    verification: 'missing',
  },
]

/** The tools that must really have run, and no other. */
const EFFECTS = ['lookup_customer', 'export_customers', 'grant_role']

/** Everything that is not as it has to be, a line each. */
export function findDisappointments(
  rows: readonly ActionRow[],
  effects: readonly string[],
  expected: readonly Expected[],
): string[] {
  const left = [...rows]
  const missing = expected.filter((one) => {
    const found = left.findIndex((row) =>
      Object.entries(one).every(([key, value]) => row[key as keyof ActionRow] === value),
    )
    if (found !== -1) left.splice(found, 1)
    return found === -1
  })
  return [
    ...missing.map((one) => `no action is ${JSON.stringify(one)}`),
    ...left.map((row) => `nobody expected ${JSON.stringify(row)}`),
    ...(sorted(effects) === sorted(EFFECTS)
      ? []
      : [`the tools that ran are ${sorted(effects)}, expected ${sorted(EFFECTS)}`]),
    ...rows
      .filter(({ actor, approver }) => actor === approver)
      .map(({ name }) => `${name} was approved by its own actor`),
  ]
}

const sorted = (names: readonly string[]): string => [...names].sort().join(', ')
