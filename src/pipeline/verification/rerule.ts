import { type Digest, HoldpointError, type Ruling } from '#contract'
import {
  type CompiledPolicy,
  compilePolicy,
  modeIn,
  type Policy,
  type Question,
  type Rule,
  ruleOn,
} from '#policy'

/** What a span tells of one action; `undefined` is what it leaves open. */
export interface Told {
  kind: string
  /** One action by all its names: a rule that matches one of them matches it. */
  names: readonly string[]
  /** Null where there is certainly none. */
  target: string | null | undefined
  environment: string | undefined
  agentId: string | undefined
}

/** Every ruling that one version of the policy can have given on what a span tells of an action. */
export interface PolicyTable {
  version: number
  /** By all of the policy, for what gates hold. */
  possibleRulings(told: Told): readonly Ruling[]
  /**
   * For what any other instrumentation saw: only a rule that names its kind makes it an action. By default it is
   * allowed, or every query of every service would be one.
   */
  possiblePlainRulings(told: Told): readonly Ruling[]
  /** Some rule that may hold or deny names this kind. */
  names(kind: string): boolean
}

type PolicyId = { version: number; hash: Digest }

/** Rules again on testimony: what a span leaves open must not be filled in to the agent's liking. */
export function createPolicyTable(policy: Policy, id: PolicyId): PolicyTable {
  const plain = plainPolicyOf(policy)
  const restrictive = compilePolicy(
    { ...plain, rules: plain.rules.filter(({ effect, when }) => effect !== 'allow' || when !== undefined) },
    id,
  )
  return {
    version: id.version,
    possibleRulings: createFollower(policy, id),
    possiblePlainRulings: createFollower(plain, id),
    names: (kind) => restrictive.rules.some((rule) => rule.kind?.(kind)),
  }
}

/**
 * A rule that names no kind may allow a plain span's action, and may not hold it: it was written for what gates hold.
 */
const plainPolicyOf = (policy: Policy): Policy => ({
  ...policy,
  rules: policy.rules.filter(
    ({ match, effect, when }) => match.kind !== undefined || (effect === 'allow' && when === undefined),
  ),
  defaults: { ...policy.defaults, effect: 'allow', kinds: new Map() },
})

/** As many as a policy can tell apart, unless spans make up kinds. */
const MAX_REMEMBERED = 5_000
const MAX_KIND_CHARS = 100

/**
 * A span leaves much open, and may name anything: following all that it leaves open costs as much as the policy is
 * long, many times over. So only what the rules for this very name tell apart is followed, and once for all names
 * that the same rules match.
 */
function createFollower(policy: Policy, id: PolicyId): (told: Told) => readonly Ruling[] {
  circumstancesOf(policy, policy.rules)
  const { rules: compiled } = compilePolicy(policy, id)
  const follow = createFollow(policy, id)
  const order = new Map(policy.rules.map((rule, index) => [rule.id, index]))
  const remembered = new Map<string, readonly Ruling[]>()

  /** Numbers of the rules that match this name, as far as the span tells. */
  const matching = ({ kind, target, environment, agentId }: Told, name: string): number[] =>
    compiled.flatMap((rule) =>
      (rule.kind?.(kind) ?? true) &&
      (rule.name?.(name) ?? true) &&
      (target === undefined || rule.target === undefined || (target !== null && rule.target(target))) &&
      (environment === undefined || (rule.environment?.(environment) ?? true)) &&
      (agentId === undefined || (rule.agent?.(agentId) ?? true))
        ? [rule.index]
        : [],
    )

  function rule({ kind, target, environment, agentId }: Told, names: string[], matched: Rule[]): Ruling[] {
    const { environments, agents, targets } = circumstancesOf(policy, matched)
    const actionOn = (on: string | null, name: string) => ({
      kind,
      name,
      ...(on === null ? {} : { target: on }),
      arguments: {},
    })
    const asked = (target === undefined ? targets : [target]).map((on) =>
      names.map((name) => actionOn(on, name)),
    )
    const found = new Map<string, Ruling>()
    for (const within of environment === undefined ? environments : [environment])
      for (const sub of agentId === undefined ? agents : [agentId])
        for (const actions of asked)
          for (const one of firstOf(
            actions.map((action) =>
              follow({ action, environment: within, agent: { iss: '', sub, name: '' }, onBehalfOf: [] }),
            ),
          ))
            found.set(`${one.effect} ${one.mode} ${one.rule}`, one)
    return [...found.values()]
  }

  /** Of the names that it goes by, the one whose rule stands first in the policy. */
  const firstOf = (answers: readonly Ruling[][]): readonly Ruling[] =>
    answers.reduce((first, other) => (placeOf(other) < placeOf(first) ? other : first))
  const placeOf = ([ruling]: readonly Ruling[]): number => order.get(ruling?.rule ?? '') ?? Infinity

  return (told) => {
    const { kind, target, environment, agentId } = told
    const alike = new Map(told.names.map((name) => [matching(told, name).join(), name]))
    const mode = environment === undefined ? undefined : modeIn(policy.mode, environment)
    const open = [target, environment, agentId].map((one) => one === undefined)
    const key = JSON.stringify([kind, mode, open, [...alike.keys()]])
    const known = remembered.get(key)
    if (known) return known
    const numbers = new Set([...alike.keys()].flatMap((matched) => matched.split(',')))
    const matched = policy.rules.filter((_, index) => numbers.has(String(index)))
    const rulings = rule(told, [...alike.values()], matched)
    if (remembered.size >= MAX_REMEMBERED) remembered.clear()
    if (kind.length <= MAX_KIND_CHARS) remembered.set(key, rulings)
    return rulings
  }
}

/**
 * A condition needs arguments that spans do not carry, or whose word nobody should take. So a rule with one may
 * have ruled, may have held for want of an answer, or may have been passed over; the search goes on behind it.
 */
function createFollow(policy: Policy, id: PolicyId): (question: Question) => Ruling[] {
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

  return (question) => {
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
}

interface Circumstances {
  environments: string[]
  agents: string[]
  targets: (string | null)[]
}

/** One sample for each environment, agent and target that these rules tell apart, and one for all others. */
function circumstancesOf({ mode }: Policy, rules: readonly Rule[]): Circumstances {
  const samples = (patterns: Iterable<string>) => [
    ...new Set(['other', ...[...patterns].map((pattern) => pattern.replace(/[*?]/g, 'x'))]),
  ]
  const environments = samples([
    ...rules.flatMap(({ match }) => match.environment ?? []),
    ...mode.byEnvironment.keys(),
  ])
  const agents = samples(rules.flatMap(({ match }) => match.agent ?? []))
  const targets = [null, ...samples(rules.flatMap(({ match }) => match.target ?? []))]
  if (environments.length * agents.length * targets.length <= MAX_CIRCUMSTANCES)
    return { environments, agents, targets }
  throw new HoldpointError(
    'INVALID_POLICY',
    'the policy tells too many environments, agents and targets apart',
  )
}

const MAX_CIRCUMSTANCES = 10_000
