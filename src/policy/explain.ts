import type { Ruling } from '#contract'
import type { CompiledPolicy, CompiledRule } from './compile.ts'
import { DEFAULTS, DIMENSIONS, type Dimension, modeIn, RESERVED_KIND } from './policy.ts'
import { mayTighten, stricter } from './rule-on.ts'
import { type Believed, createScope, type Question } from './scope.ts'

export interface Explanation {
  /** What `ruleOn` says. */
  ruling: Ruling
  /** The rules in the order in which they were looked at; the last one made the ruling. */
  steps: Step[]
  /** Looked at again with the agent's own facts, where it sent some that a condition could read. */
  withAgentFacts?: Step[]
}

export interface Step {
  rule: string
  matched: boolean
  /** Why, or why not. */
  because: string
}

/** Looks at every rule in turn and says why it did or did not match. Made for people: it does not use the index. */
export function explainRuling(policy: CompiledPolicy, question: Question): Explanation {
  try {
    if (question.action.kind === RESERVED_KIND) return reserved(policy)
    const trusted = explain(policy, question, 'trusted')
    if (!mayTighten(policy, question)) return trusted
    const all = explain(policy, question, 'all')
    return {
      ruling: stricter(trusted.ruling, all.ruling),
      steps: trusted.steps,
      withAgentFacts: all.steps,
    }
  } catch {
    const because = 'the action could not be read'
    return { ruling: policy.unreadable, steps: [{ rule: DEFAULTS, matched: true, because }] }
  }
}

function reserved({ policyChange }: CompiledPolicy): Explanation {
  const because = `the kind ${RESERVED_KIND} is ruled by duties.policy alone, in every mode`
  return { ruling: policyChange, steps: [{ rule: policyChange.rule, matched: true, because }] }
}

function explain(
  policy: CompiledPolicy,
  question: Question,
  believed: Believed,
): { ruling: Ruling; steps: Step[] } {
  const mode = modeIn(policy.mode, question.environment)
  const steps: Step[] = []
  for (const rule of policy.rules) {
    const look = lookAt(rule, question, believed)
    steps.push({ rule: rule.id, matched: look.rulings !== undefined, because: look.because })
    if (look.rulings !== undefined) return { ruling: look.rulings[mode], steps }
  }
  const { kind } = question.action
  const forKind = policy.defaultKinds.get(kind)
  const because = `no rule matched${forKind === undefined ? '' : `, and the defaults name the kind ${kind}`}`
  steps.push({ rule: DEFAULTS, matched: true, because })
  return { ruling: (forKind ?? policy.defaults)[mode], steps }
}

function lookAt(
  rule: CompiledRule,
  question: Question,
  believed: Believed,
): { because: string; rulings?: CompiledRule['rulings'] } {
  const values = valuesOf(question)
  for (const dimension of DIMENSIONS) {
    const value = values[dimension]
    const matches = rule[dimension]
    if (matches === undefined || (value !== undefined && matches(value))) continue
    const patterns = (rule.patterns[dimension] ?? []).map(quote).join(', ')
    return {
      because: `${dimension} ${value === undefined ? 'is absent' : `is ${quote(value)}`}, not ${patterns}`,
    }
  }
  if (rule.when === undefined) return { because: 'it matches, and has no condition', rulings: rule.rulings }
  const verdict = rule.when.evaluate(createScope(question, believed, rule.when))
  if (verdict.is === true) return { because: 'its condition is true', rulings: rule.rulings }
  if (verdict.is === false) return { because: 'its condition is false' }
  return { because: `its condition cannot be evaluated: ${verdict.why}`, rulings: rule.unsure }
}

const valuesOf = ({ action, environment, agent }: Question): Record<Dimension, string | undefined> => ({
  kind: action.kind,
  name: action.name,
  target: action.target,
  environment,
  agent: agent.sub,
})

const quote = (text: string): string => JSON.stringify(text)
