import { type Digest, digestBytes, type Ruling } from '#contract'
import { type Condition, compileCondition } from './condition.ts'
import type { Duties } from './duties.ts'
import { parsePolicy } from './parse.ts'
import { compilePatterns, isExact, type Matcher } from './pattern.ts'
import type { Modes, Policy, Quotas, Rule } from './policy.ts'
import {
  defaultRulings,
  type PolicyId,
  policyChangeRuling,
  type Rulings,
  rulingsOf,
  unreadableRuling,
  unsureRulings,
} from './rulings.ts'

/** A policy ready to rule: nothing in it is computed again, and every ruling it can give is made already. */
export interface CompiledPolicy {
  version: number
  hash: Digest
  mode: Modes
  groups: Policy['groups']
  /** In the order of the document. */
  rules: CompiledRule[]
  /** By kind; `otherKinds` holds what may match a kind that no rule spells out. */
  kinds: Map<string, Candidates>
  otherKinds: Candidates
  /** By kind, then in general: where no rule matched. */
  defaultKinds: Map<string, Rulings>
  defaults: Rulings
  /** Where not even the question can be read. */
  unreadable: Ruling
  /** On a change of the policy itself, in every mode. */
  policyChange: Ruling
  duties: Duties
  quotas: Quotas
  readsFacts: boolean
}

export interface CompiledRule {
  index: number
  id: string
  patterns: Rule['match']
  /** Undefined where anything matches. */
  kind: Matcher | undefined
  name: Matcher | undefined
  target: Matcher | undefined
  environment: Matcher | undefined
  agent: Matcher | undefined
  when: Condition | undefined
  /** Where the rule matches and its condition, if any, is true. */
  rulings: Rulings
  /** Where its condition can be neither true nor false. */
  unsure: Rulings
}

/** Both lists in the order of the document; a rule stands in `byName` or in `patterns`, never in both. */
export interface Candidates {
  byName: Map<string, CompiledRule[]>
  patterns: CompiledRule[]
}

/** Parses and compiles a published policy; its hash is the digest of the source. Throws INVALID_POLICY. */
export const loadPolicy = (source: string, version: number, file?: string): CompiledPolicy =>
  compilePolicy(parsePolicy(source, file), { version, hash: digestBytes(source) })

export function compilePolicy(policy: Policy, id: PolicyId): CompiledPolicy {
  const rules = policy.rules.map((rule, index) => compileRule(rule, index, id))
  const exactKinds = new Set(policy.rules.flatMap(({ match }) => (match.kind ?? []).filter(isExact)))
  const defaults = defaultRulings(policy, id)
  const byDefault = policy.defaults.effect
  return {
    version: id.version,
    hash: id.hash,
    mode: policy.mode,
    groups: policy.groups,
    rules,
    kinds: new Map(
      [...exactKinds].map((kind) => [kind, indexByName(rules.filter((rule) => rule.kind?.(kind) ?? true))]),
    ),
    otherKinds: indexByName(rules.filter(({ patterns }) => !patterns.kind?.every(isExact))),
    defaultKinds: new Map([...policy.defaults.kinds].map(([kind, effect]) => [kind, defaults(effect)])),
    defaults: defaults(byDefault),
    unreadable: unreadableRuling(policy, id),
    policyChange: policyChangeRuling(policy.duties.policy, id),
    duties: policy.duties,
    quotas: policy.quotas,
    readsFacts: rules.some(({ when }) => when?.readsFacts),
  }
}

function indexByName(rules: CompiledRule[]): Candidates {
  const byName = new Map<string, CompiledRule[]>()
  const patterns: CompiledRule[] = []
  for (const rule of rules) {
    const names = rule.patterns.name
    if (names?.every(isExact)) {
      for (const name of new Set(names)) {
        const known = byName.get(name)
        if (known) known.push(rule)
        else byName.set(name, [rule])
      }
    } else patterns.push(rule)
  }
  return { byName, patterns }
}

function compileRule(rule: Rule, index: number, id: PolicyId): CompiledRule {
  const matcher = (patterns: string[] | undefined) => patterns && compilePatterns(patterns)
  return {
    index,
    id: rule.id,
    patterns: rule.match,
    kind: matcher(rule.match.kind),
    name: matcher(rule.match.name),
    target: matcher(rule.match.target),
    environment: matcher(rule.match.environment),
    agent: matcher(rule.match.agent),
    when: rule.when === undefined ? undefined : compileCondition(rule.when),
    rulings: rulingsOf(rule, id),
    unsure: unsureRulings(rule, id),
  }
}
