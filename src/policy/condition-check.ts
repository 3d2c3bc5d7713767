import type { parse } from '@bufbuild/cel'

export type Expression = ReturnType<typeof parse>['expr']
type Comprehension = Extract<Expression['exprKind'], { case: 'comprehensionExpr' }>['value']
type Call = Extract<Expression['exprKind'], { case: 'callExpr' }>['value']

export interface ConditionProblem {
  /** Into the expression, in UTF-16 units. */
  offset: number
  found: string
  expected: string
}

interface Known {
  isFunction(name: string): boolean
  /** Throws where the pattern is not RE2. */
  compileRegex(pattern: string): unknown
}

/** What a condition can see, and the members of what has fixed ones. */
const VARIABLES: Record<string, string[] | undefined> = {
  action: ['kind', 'name', 'target', 'arguments'],
  environment: undefined,
  agent: ['iss', 'sub', 'name'],
  onBehalfOf: undefined,
  facts: undefined,
}
const TYPES = ['bool', 'bytes', 'double', 'int', 'list', 'map', 'null_type', 'string', 'type', 'uint']
const OPERATORS = ['_[_]', '_?_:_', '_&&_', '_||_', '@not_strictly_false']
/** Whose time does not grow with the texts that they are given, or only until the first difference. */
const QUICK = [...OPERATORS, '!_', '_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_']

/**
 * Finds, before anything runs, misspelt variables and functions, and what would let hostile arguments cost more
 * than time linear in their size: patterns that are not written in the policy, and loops within loops over
 * something other than what the outer loop is at.
 */
export function checkExpression(
  root: Expression,
  positions: Record<number, number>,
  known: Known,
): { problems: ConditionProblem[]; readsFacts: boolean; multiplies: boolean } {
  const problems: ConditionProblem[] = []
  let readsFacts = false
  let multiplies = false
  const report = (at: Expression, found: string, expected: string): void => {
    problems.push({ offset: positions[Number(at.id)] ?? 0, found, expected })
  }

  /** `bound` holds the variables of the loops around, innermost last. */
  function walk(expr: Expression | undefined, bound: readonly string[]): void {
    if (expr === undefined) return
    const kind = expr.exprKind
    switch (kind.case) {
      case 'identExpr':
        walkName(expr, kind.value.name, bound)
        return
      case 'selectExpr': {
        const { operand, field } = kind.value
        const owner = nameOf(operand)
        const members = owner === undefined || bound.includes(owner) ? undefined : membersOf(owner)
        if (members !== undefined && !members.includes(field))
          report(operand ?? expr, `"${owner}.${field}"`, members.map((one) => `${owner}.${one}`).join(', '))
        walk(operand, bound)
        return
      }
      case 'callExpr':
        walkCall(expr, kind.value, bound)
        return
      case 'listExpr':
        for (const element of kind.value.elements) walk(element, bound)
        return
      case 'structExpr':
        if (kind.value.messageName !== '') report(expr, `"${kind.value.messageName}"`, 'no message types')
        for (const entry of kind.value.entries) {
          if (entry.keyKind.case === 'mapKey') walk(entry.keyKind.value, bound)
          walk(entry.value, bound)
        }
        return
      case 'comprehensionExpr':
        walkLoop(kind.value, bound)
    }
  }

  function walkName(expr: Expression, name: string, bound: readonly string[]): void {
    if (bound.includes(name) || name.startsWith('@')) return
    if (name === 'facts') readsFacts = true
    if (!Object.hasOwn(VARIABLES, name) && !TYPES.includes(name))
      report(expr, `"${name}"`, `one of the variables ${Object.keys(VARIABLES).join(', ')}`)
  }

  function walkCall(expr: Expression, call: Call, bound: readonly string[]): void {
    if (!OPERATORS.includes(call.function) && !known.isFunction(call.function))
      report(expr, `"${call.function}()"`, 'a function of CEL')
    if (call.function === 'matches') checkPattern(call.args[0] ?? expr)
    const given = [call.target, ...call.args]
    if (bound.length > 0 && !QUICK.includes(call.function) && given.some((one) => looksOutside(one, bound)))
      multiplies = true
    walk(call.target, bound)
    for (const argument of call.args) walk(argument, bound)
  }

  function checkPattern(pattern: Expression): void {
    const kind = pattern.exprKind
    const constant = kind.case === 'constExpr' ? kind.value.constantKind : undefined
    if (constant?.case !== 'stringValue') {
      report(pattern, 'a computed pattern', 'a pattern written in the policy')
      return
    }
    try {
      known.compileRegex(constant.value)
    } catch {
      report(pattern, JSON.stringify(constant.value), 'a regular expression of RE2')
    }
  }

  function walkLoop(loop: Comprehension, bound: readonly string[]): void {
    const innermost = bound.at(-1)
    if (loop.iterRange && innermost !== undefined && !stemsFrom(loop.iterRange, innermost))
      report(
        loop.iterRange,
        'a loop within a loop',
        `a loop over ${innermost} or its members, or over a list written out`,
      )
    walk(loop.iterRange, bound)
    const within = [...bound, loop.iterVar]
    for (const part of [loop.accuInit, loop.loopCondition, loop.loopStep, loop.result]) walk(part, within)
  }

  walk(root, [])
  return { problems, readsFacts, multiplies }
}

const membersOf = (name: string): string[] | undefined =>
  Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined

const nameOf = (expr: Expression | undefined): string | undefined =>
  expr?.exprKind.case === 'identExpr' ? expr.exprKind.value.name : undefined

/** True where `expr`, inside a loop, may be about something else than what the loops are at. */
function looksOutside(expr: Expression | undefined, bound: readonly string[]): boolean {
  const kind = expr?.exprKind
  switch (kind?.case) {
    case 'identExpr':
      return !bound.includes(kind.value.name) && Object.hasOwn(VARIABLES, kind.value.name)
    case 'selectExpr':
      return looksOutside(kind.value.operand, bound)
    case 'callExpr':
      return [kind.value.target, ...kind.value.args].some((one) => looksOutside(one, bound))
    case 'listExpr':
      return kind.value.elements.some((one) => looksOutside(one, bound))
    case 'structExpr':
    case 'comprehensionExpr':
      return true
    default:
      return false
  }
}

/** True where a loop over `expr`, inside a loop over `variable`, touches every value once altogether. */
function stemsFrom(expr: Expression, variable: string): boolean {
  const kind = expr.exprKind
  switch (kind.case) {
    case 'identExpr':
      return kind.value.name === variable
    case 'selectExpr':
      return kind.value.operand !== undefined && stemsFrom(kind.value.operand, variable)
    case 'callExpr': {
      const [container] = kind.value.args
      return kind.value.function === '_[_]' && container !== undefined && stemsFrom(container, variable)
    }
    case 'comprehensionExpr':
      return kind.value.iterRange !== undefined && stemsFrom(kind.value.iterRange, variable)
    case 'listExpr':
      return kind.value.elements.every((element) => element.exprKind.case === 'constExpr')
    default:
      return false
  }
}
