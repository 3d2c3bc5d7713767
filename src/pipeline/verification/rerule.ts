import { type Digest, HoldpointError, type Ruling } from '#contract'
import { type CompiledPolicy, compilePolicy, type Policy, type Question, ruleOn } from '#policy'
import type { Claim } from './claims.ts'
import type { PolicyAnswer } from './verify.ts'

/** Every ruling that one version of the policy can have given on what a span tells of an action. */
export interface PolicyTable {
  version: number
  possibleRulings(claim: Claim): Ruling[]
}

/** Rules again on testimony: what a span leaves open must not be filled in to the agent's liking. */
export function createPolicyTable(policy: Policy, id: { version: number; hash: Digest }): PolicyTable {
  const { environments, agents, targets } = circumstancesOf(policy)
  const conditional = new Map(policy.rules.map((rule, index) => [rule.id, { index, when: rule.when }]))
  const compiled = new Map<number, CompiledPolicy>()

  /** The policy from its rule number `from` on, with every condition taken to be true. */
  function withoutConditions(from: number): CompiledPolicy {
    const known = compiled.get(from)
    if (known) return known
    const rules = policy.rules.slice(from).map(({ when: _, ...rule }) => rule)
    const fresh = compilePolicy({ ...policy, rules }, id)
    compiled.set(from, fresh)
    return fresh
  }

  /**
   * A condition needs arguments that spans do not carry, or whose word nobody should take. So a rule with one may
   * have ruled, may have held for want of an answer, or may have been passed over; the search goes on behind it.
   */
  function follow(question: Question): Ruling[] {
    const found: Ruling[] = []
    for (let from = 0; ; ) {
      const ruling = ruleOn(withoutConditions(from), question)
      found.push(ruling)
      const rule = conditional.get(ruling.rule)
      if (rule?.when === undefined) return found
      if (ruling.effect === 'allow') found.push({ ...ruling, effect: 'hold' })
      from = rule.index + 1
    }
  }

  return {
    version: id.version,
    possibleRulings(claim) {
      const { kind = 'tool', name, target, environment, agentId } = claim
      const actionOn = (on: string | undefined) => ({
        kind,
        name,
        ...(on === undefined ? {} : { target: on }),
        arguments: {},
      })
      // A gate says the kind, and where there is no target it means none; another's span is silent about both.
      const possible = target === undefined && claim.kind === undefined ? targets : [target]
      const actions = possible.map(actionOn)
      return (environment === undefined ? environments : [environment]).flatMap((within) =>
        (agentId === undefined ? agents : [agentId]).flatMap((sub) =>
          actions.flatMap((action) =>
            follow({ action, environment: within, agent: { iss: '', sub, name: '' }, onBehalfOf: [] }),
          ),
        ),
      )
    },
  }
}

/** What the policies in force between the claimed start and the arrival say. `undefined`: there was none. */
export function askPolicies(claim: Claim, tables: readonly (PolicyTable | undefined)[]): PolicyAnswer {
  const rulings = tables.flatMap((table) => table?.possibleRulings(claim) ?? [])
  const [first] = rulings
  if (first === undefined || tables.includes(undefined))
    return { says: 'unknown', detail: 'no policy that can be verified was in force all the time' }
  const answers = new Set(rulings.map(says))
  const named = [...new Set(rulings.map(({ rule, effect }) => `${rule}: ${effect}`))].join(', ')
  if (answers.size > 1)
    return { says: 'unknown', detail: `the ruling depends on what the span does not carry (${named})` }
  return { says: says(first), detail: `${named}, policy ${first.policyVersion}`, ruling: first }
}

const says = ({ effect, mode }: Ruling): 'allow' | 'observe' | 'hold' =>
  effect === 'allow' ? 'allow' : mode === 'observe' ? 'observe' : 'hold'

interface Circumstances {
  environments: string[]
  agents: string[]
  targets: (string | undefined)[]
}

/** One sample for each environment, agent and target that the policy tells apart, and one for all others. */
function circumstancesOf({ rules, mode }: Policy): Circumstances {
  const samples = (patterns: Iterable<string>) => [
    ...new Set(['other', ...[...patterns].map((pattern) => pattern.replace(/[*?]/g, 'x'))]),
  ]
  const environments = samples([
    ...rules.flatMap(({ match }) => match.environment ?? []),
    ...mode.byEnvironment.keys(),
  ])
  const agents = samples(rules.flatMap(({ match }) => match.agent ?? []))
  const targets = [undefined, ...samples(rules.flatMap(({ match }) => match.target ?? []))]
  if (environments.length * agents.length * targets.length <= MAX_CIRCUMSTANCES)
    return { environments, agents, targets }
  throw new HoldpointError(
    'INVALID_POLICY',
    'the policy tells too many environments, agents and targets apart',
  )
}

const MAX_CIRCUMSTANCES = 10_000
