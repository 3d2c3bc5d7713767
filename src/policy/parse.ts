import { check, HoldpointError, type Path, type Problem } from '#contract'
import { checkCondition } from './condition.ts'
import { documentShape } from './document.ts'
import { fillIn } from './fill-in.ts'
import type { Place, Policy } from './policy.ts'
import { findContradictions } from './references.ts'
import { readYaml, type YamlSource } from './yaml.ts'

/**
 * Reads a policy. Throws INVALID_POLICY with one line for each problem:
 * `file:line:column: key: value, expected …`.
 */
export function parsePolicy(source: string, file = 'policy'): Policy {
  const yaml = readYaml(source)
  if (yaml.problems.length > 0) throw invalid(file, yaml.problems)
  const checked = check(documentShape, yaml.value)
  const conditions = conditionProblems(yaml)
  if (!checked.ok)
    throw invalid(file, [...checked.problems.map((problem) => placed(problem, yaml)), ...conditions])
  const policy = { ...fillIn(checked.value), file, place: yaml.valueAt }
  const contradictions = findContradictions(policy, checked.value).map((problem) => placed(problem, yaml))
  if (conditions.length + contradictions.length > 0) throw invalid(file, [...conditions, ...contradictions])
  return policy
}

type PlacedProblem = Place & { message: string }

/** One missing bracket can be hundreds of problems. */
const MAX_SHOWN = 50

function invalid(file: string, problems: PlacedProblem[]): HoldpointError {
  const lines = problems
    .toSorted((one, other) => one.line - other.line || one.column - other.column)
    .map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`)
  const more = lines.length > MAX_SHOWN ? [`${file}: and ${lines.length - MAX_SHOWN} more`] : []
  return new HoldpointError('INVALID_POLICY', [...lines.slice(0, MAX_SHOWN), ...more].join('\n'))
}

function placed(problem: Problem, yaml: YamlSource): PlacedProblem {
  const { path, found, expected } = problem
  const key = path.join('.') || 'the document'
  return { ...placeOf(problem, yaml), message: `${key}: ${found}, expected ${expected}` }
}

/** An unknown key is shown at the key, a wrong value at the value, a missing key at what it is missing from. */
function placeOf({ path, found, expected }: Problem, yaml: YamlSource): Place {
  if (found === 'missing') return yaml.valueAt(path.slice(0, -1))
  return /^(one of the keys|a key matching) /.test(expected) ? yaml.keyAt(path) : yaml.valueAt(path)
}

/** Looks at the raw rules, so that conditions are checked even where something else in the document is wrong. */
function conditionProblems(yaml: YamlSource): PlacedProblem[] {
  const { rules } = (yaml.value ?? {}) as { rules?: unknown }
  if (!Array.isArray(rules)) return []
  return rules.flatMap((rule: { when?: unknown } | null, index) => {
    const when = rule?.when
    if (typeof when !== 'string' || when.length === 0 || when.length > 2000) return []
    const path: Path = ['rules', index, 'when']
    return checkCondition(when).map(({ offset, found, expected }) => ({
      ...yaml.insideText(path, offset),
      message: `${path.join('.')}: ${found}, expected ${expected}`,
    }))
  })
}
