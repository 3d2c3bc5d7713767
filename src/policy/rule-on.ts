import type { Effect, Ruling } from '#contract'
import type { CompiledPolicy, CompiledRule } from './compile.ts'
import { modeIn, RESERVED_KIND } from './policy.ts'
import { type Believed, createScope, type Question, type Scope } from './scope.ts'

const STRICTNESS: Record<Effect, number> = { allow: 0, hold: 1, deny: 2 }

/**
 * The ruling on an action: the first rule that matches, or the defaults. Never throws, whatever the action is;
 * what cannot be read is held. The ruling is shared and frozen.
 *
 * An agent's own facts may only make a ruling stricter. A rule that is passed over can be what makes the ruling
 * milder, so hiding them from some rules would not do: the policy rules without them, and again with them, and the
 * second ruling counts only where its effect is the stricter one. Between two holds the first stands, for who
 * reviews is not the agent's choice.
 */
export function ruleOn(policy: CompiledPolicy, question: Question): Ruling {
  try {
    if (question.action.kind === RESERVED_KIND) return policy.policyChange
    const ruling = firstRuling(policy, question, 'trusted')
    if (!mayTighten(policy, question)) return ruling
    return stricter(ruling, firstRuling(policy, question, 'all'))
  } catch {
    return policy.unreadable
  }
}

export const mayTighten = (policy: CompiledPolicy, question: Question): boolean =>
  policy.readsFacts && (question.facts?.some(({ source }) => source === 'agent') ?? false)

export const stricter = (trusted: Ruling, other: Ruling): Ruling =>
  STRICTNESS[other.effect] > STRICTNESS[trusted.effect] ? other : trusted

function firstRuling(policy: CompiledPolicy, question: Question, believed: Believed): Ruling {
  const { kind, name } = question.action
  const mode = modeIn(policy.mode, question.environment)
  const known = policy.kinds.get(kind)
  const { byName, patterns } = known ?? policy.otherKinds
  const named = byName.get(name)
  let scope: Scope | undefined
  let nextNamed = 0
  let nextPattern = 0
  for (;;) {
    // Two lists in the order of the document, read as one.
    const one: CompiledRule | undefined = named?.[nextNamed]
    const other: CompiledRule | undefined = patterns[nextPattern]
    const isNamed = one !== undefined && (other === undefined || one.index < other.index)
    const rule = isNamed ? one : other
    if (rule === undefined) break
    if (isNamed) nextNamed++
    else nextPattern++
    if (!isNamed && rule.name !== undefined && !rule.name(name)) continue
    if (known === undefined && rule.kind !== undefined && !rule.kind(kind)) continue
    if (!matchesCircumstances(rule, question)) continue
    if (rule.when === undefined) return rule.rulings[mode]
    const { when } = rule
    if (!when.multiplies) scope ??= createScope(question, believed)
    const verdict = when.evaluate(scope && !when.multiplies ? scope : createScope(question, believed, when))
    if (verdict.is === true) return rule.rulings[mode]
    if (verdict.is === 'unsure') return rule.unsure[mode]
  }
  return (policy.defaultKinds.get(kind) ?? policy.defaults)[mode]
}

/** An action without a target matches no pattern of targets. */
const matchesCircumstances = (rule: CompiledRule, { action, environment, agent }: Question): boolean =>
  (rule.target === undefined || (action.target !== undefined && rule.target(action.target))) &&
  (rule.environment === undefined || rule.environment(environment)) &&
  (rule.agent === undefined || rule.agent(agent.sub))
