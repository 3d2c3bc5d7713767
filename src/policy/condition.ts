import { CelScalar, celEnv, celFunc, isCelError, parse, plan } from '@bufbuild/cel'
import { RE2JS } from 're2js'
import { type ConditionProblem, checkExpression, type Expression } from './condition-check.ts'
import type { Scope } from './scope.ts'

/** `unsure` is everything but true and false: a fault while evaluating, or a value of another type. */
export type Verdict = { is: true } | { is: false } | { is: 'unsure'; why: string }

export interface Condition {
  /** Never throws. */
  evaluate(scope: Scope): Verdict
  /** Whether the outcome can depend on facts. */
  readsFacts: boolean
  /** Whether it may work through one part of the action for each entry of another. */
  multiplies: boolean
}

const TRUE: Verdict = { is: true }
const FALSE: Verdict = { is: false }
/** The library reads '' as 0 and '0x1f' as 31, which CEL does not: a hostile text must not pass for a small number. */
const DECIMAL = /^[+-]?\d{1,19}$/
const FLOATING = /^[+-]?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?$/

const { DOUBLE, INT, STRING } = CelScalar

const environment = celEnv({
  re2: { compile: compileRegex },
  funcs: [
    celFunc('int', [STRING], INT, (text) => {
      if (!DECIMAL.test(text)) throw new Error('not a decimal integer')
      return BigInt(text)
    }),
    celFunc('double', [STRING], DOUBLE, (text) => {
      if (!FLOATING.test(text)) throw new Error('not a decimal number')
      return Number(text)
    }),
  ],
})

/** Patterns stand in the policy itself (see `checkExpression`), so there are few of them. */
const regexes = new Map<string, RE2JS>()
const MAX_REGEXES = 2000

function compileRegex(pattern: string): RE2JS {
  const known = regexes.get(pattern)
  if (known !== undefined) return known
  const compiled = RE2JS.compile(pattern)
  if (regexes.size >= MAX_REGEXES) regexes.clear()
  regexes.set(pattern, compiled)
  return compiled
}

/** Everything that is wrong with an expression and can be known before it runs. */
export function checkCondition(source: string): ConditionProblem[] {
  const parsed = parseExpression(source)
  if ('offset' in parsed) return [parsed]
  return checkExpression(parsed.expr, parsed.positions, {
    isFunction: (name) => environment.funcs.find(name) !== undefined,
    compileRegex,
  }).problems
}

/** `source` must have passed `checkCondition`. */
export function compileCondition(source: string): Condition {
  const parsed = parseExpression(source)
  if ('offset' in parsed) throw new Error(`not a condition: ${source}`)
  const { readsFacts, multiplies } = checkExpression(parsed.expr, parsed.positions, {
    isFunction: () => true,
    compileRegex,
  })
  const run = plan(environment, parsed.expr) as (scope: Scope) => unknown
  return { readsFacts, multiplies, evaluate: (scope) => evaluate(run, scope) }
}

function evaluate(run: (scope: Scope) => unknown, scope: Scope): Verdict {
  try {
    const value = run(scope)
    if (value === true) return TRUE
    if (value === false) return FALSE
    if (isCelError(value)) return { is: 'unsure', why: value.message.slice(0, 300) }
    return { is: 'unsure', why: `it yields a ${typeof value}, expected true or false` }
  } catch {
    // Deep or strange arguments end the evaluator's stack.
    return { is: 'unsure', why: 'the evaluator gave up' }
  }
}

function parseExpression(
  source: string,
): { expr: Expression; positions: Record<number, number> } | ConditionProblem {
  try {
    const { expr, sourceInfo } = parse(source)
    return { expr, positions: sourceInfo?.positions ?? {} }
  } catch (error) {
    const { location, rawMessage } = error as {
      location?: { start: { offset: number } }
      rawMessage?: string
    }
    const offset = location?.start.offset ?? 0
    const rest = source.slice(offset)
    return {
      offset,
      found: rest === '' ? 'the end of the expression' : JSON.stringify(rest.slice(0, 20)),
      expected: `a CEL expression (${rawMessage?.slice(0, 120) ?? 'it is nested too deeply'})`,
    }
  }
}
