import type { Registration, Ruling } from '#contract'
import type { Claim } from './claims.ts'
import type { PlainAction } from './plain/action.ts'
import type { PolicyTable, Told } from './rerule.ts'
import type { PolicyAnswer } from './verify.ts'

/** Who is registered under an id: what an agent says of its environment counts only as far as that says so too. */
export type Registrations = (agentId: string) => Registration | undefined

type Tables = readonly (PolicyTable | undefined)[]
type Place = Pick<Told, 'environment' | 'agentId'>

/**
 * What the policies in force between the claimed start and the arrival say. `undefined`: there was none.
 *
 * Whoever can send spans can name any agent and any environment, one that is only observed among them. So the
 * environment is the registered one; of an agent that nobody registered, its word counts where it makes the ruling
 * stricter, and else every environment and agent is followed.
 */
export function askPolicies(claim: Claim, tables: Tables, registrations: Registrations): PolicyAnswer {
  const agentId = agentsOf(claim).find((id) => registrations(id) !== undefined)
  if (agentId !== undefined)
    return askAt(claim, tables, { agentId, environment: registrations(agentId)?.environment })
  const claimed = askAt(claim, tables, claim)
  if (claimed.says === 'hold') return claimed
  const open = askAt(claim, tables, { agentId: undefined, environment: undefined })
  if (open.says === claimed.says) return claimed
  return {
    says: 'unknown',
    reason: 'span',
    detail: `no registration backs the environment and the agent that the span names, or it names none; ${open.detail}`,
  }
}

/** By its own word, and by its point of enforcement, which is named after it: `in-process:support`. */
export const agentsOf = ({ agentId, enforcement }: Claim): string[] =>
  [agentId, enforcement?.slice(enforcement.indexOf(':') + 1)].filter((id) => id !== undefined)

function askAt(claim: Claim, tables: Tables, place: Place): PolicyAnswer {
  const { plain } = claim
  if (plain === undefined) return summarize(ruleGated(claim, tables, place), tables.includes(undefined))
  const answers = plain.map((action) => askPlain(action, tables, place))
  // The strictest of all that was done; and what cannot be told may have been stricter than what is allowed.
  return STRICTEST_FIRST.map((says) => answers.find((answer) => answer.says === says)).find(
    (answer) => answer !== undefined,
  ) as PolicyAnswer
}

const STRICTEST_FIRST = ['hold', 'unknown', 'observe', 'allow'] as const

function ruleGated(claim: Claim, tables: Tables, place: Place): readonly Ruling[] {
  // A gate says the kind, and where there is no target it means none; another's span is silent about both.
  const target = claim.target ?? (claim.kind === undefined ? undefined : null)
  const told = { kind: claim.kind ?? 'tool', names: [claim.name], target, ...placeOf(place) }
  return tables.flatMap((table) => table?.possibleRulings(told) ?? [])
}

function askPlain({ kind, names, target, unsure }: PlainAction, tables: Tables, place: Place): PolicyAnswer {
  const told = { kind, names, target, ...placeOf(place) }
  const answer = summarize(
    tables.flatMap((table) => table?.possiblePlainRulings(told) ?? []),
    tables.includes(undefined),
  )
  if (unsure && answer.says !== 'hold' && tables.some((table) => table?.names(kind) ?? true))
    return {
      says: 'unknown',
      reason: 'span',
      detail: `what it did cannot be told for certain (${kind} ${names[0]})`,
    }
  return answer
}

const placeOf = ({ environment, agentId }: Place): Place => ({ environment, agentId })

function summarize(rulings: readonly Ruling[], isUnreadable: boolean): PolicyAnswer {
  const [first] = rulings
  if (first === undefined || isUnreadable)
    return {
      says: 'unknown',
      reason: 'policy',
      detail: 'no policy that can be verified was in force all the time',
    }
  const answers = new Set(rulings.map(saysOf))
  const named = [...new Set(rulings.map(({ rule, effect }) => `${rule}: ${effect}`))].slice(0, 20).join(', ')
  if (answers.size > 1)
    return {
      says: 'unknown',
      reason: 'span',
      detail: `the ruling depends on what the span does not carry (${named})`,
    }
  return {
    says: saysOf(first),
    detail: `${named}, policy ${first.policyVersion}`,
    ruling: first,
    ...(rulings.every(({ effect }) => effect === 'deny') ? { denies: true } : {}),
  }
}

const saysOf = ({ effect, mode }: Ruling): 'allow' | 'observe' | 'hold' =>
  effect === 'allow' ? 'allow' : mode === 'observe' ? 'observe' : 'hold'
