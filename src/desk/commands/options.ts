import { check, type RequestFilter, type Risk, riskShape } from '#contract'

/** Options and positionals that the commands share. */
export const json = {
  type: 'boolean',
  description: 'One JSON object on the last line of standard output',
} as const
export const request = {
  name: 'REQUEST',
  description: 'The request’s id, or enough of it to be the only one',
} as const
export const reason = {
  type: 'string',
  value: 'TEXT',
  description: 'Why; with a denial it goes back to the agent',
} as const
export const full = {
  type: 'boolean',
  description: 'The whole card, however long its arguments are',
} as const

/** What narrows a list, and what is watched. */
export const filters = {
  agent: { type: 'string', value: 'AGENT', description: 'Only of this agent, by name or id' },
  environment: { type: 'string', value: 'ENV', description: 'Only in this environment' },
  kind: { type: 'string', value: 'KIND', description: 'Only actions of this kind: tool, db, process …' },
  risk: { type: 'string', value: 'RISK', description: 'Only of this risk: low, medium, high or critical' },
  rule: { type: 'string', value: 'RULE', description: 'Only held by this rule' },
  search: { type: 'string', value: 'TEXT', description: 'Only with this in id, agent, name, target or rule' },
  mine: { type: 'boolean', description: 'Only those that you could answer now' },
} as const

type Given = { [K in Exclude<keyof typeof filters, 'mine'>]: string | undefined } & { mine: boolean }

/** A filter as the broker takes it, or what is wrong with it. */
export function filterOf(given: Given): { filter: RequestFilter } | { problem: string } {
  const { agent, environment, kind, risk, rule, search, mine } = given
  if (risk !== undefined && !isRisk(risk))
    return { problem: `--risk ${JSON.stringify(risk)}: expected low, medium, high or critical` }
  return {
    filter: {
      ...(agent === undefined ? {} : { agent }),
      ...(environment === undefined ? {} : { environment }),
      ...(kind === undefined ? {} : { kind }),
      ...(risk === undefined ? {} : { risk }),
      ...(rule === undefined ? {} : { rule }),
      ...(search === undefined ? {} : { text: search }),
      ...(mine ? { reviewable: true } : {}),
    },
  }
}

const isRisk = (word: string): word is Risk => check(riskShape, word).ok
