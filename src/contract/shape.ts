import { HoldpointError } from './error.ts'

/**
 * Shapes of untrusted data: messages, policy documents and configuration all pass through one of these.
 * A shape reports every problem it finds, each with its path, so that a caller can add a line and a column.
 * (A schema library would do; the package that agents install has no room for one.)
 */
export type Shape<T> = (value: unknown, at: Path, report: Report) => T
export type Infer<S> = S extends Shape<infer T> ? T : never
export type Path = readonly (string | number)[]

export interface Problem {
  path: Path
  expected: string
  /** The offending value, printable and short. */
  found: string
}

/** Notes a problem. What it returns is never looked at: a value with problems goes nowhere. */
type Report = <T>(path: Path, expected: string, value: unknown) => T
type Checked<T> = { ok: true; value: T } | { ok: false; problems: Problem[] }

const MAX_PROBLEMS = 100

export function check<T>(shape: Shape<T>, value: unknown): Checked<T> {
  const problems: Problem[] = []
  const result = shape(value, [], (path, expected, found) => {
    // A hostile message of nothing but problems must not become a longer answer.
    if (problems.length < MAX_PROBLEMS) problems.push({ path, expected, found: printable(found) })
    return undefined as never
  })
  return problems.length === 0 ? { ok: true, value: result } : { ok: false, problems }
}

/** Returns the value or throws INVALID_INPUT naming `place`, every path, value and expectation. */
export function parse<T>(shape: Shape<T>, value: unknown, place: string): T {
  const checked = check(shape, value)
  if (checked.ok) return checked.value
  throw new HoldpointError('INVALID_INPUT', `${place}: ${checked.problems.map(describe).join('; ')}`)
}

export const describe = ({ path, expected, found }: Problem): string =>
  `${path.length === 0 ? 'the value' : path.map(step).join('.')} is ${found}, expected ${expected}`

/** A key came from the sender like any value: it must not draw over the terminal that shows the error. */
const step = (name: string | number): string =>
  typeof name === 'number' || /^[\w-]{1,80}$/.test(name) ? String(name) : printable(name)

export const text = (
  limits: { min?: number; max?: number; pattern?: RegExp; like?: string } = {},
): Shape<string> => {
  const { min = 0, max = 1024, pattern, like } = limits
  const expected =
    like ?? `a text of ${min} to ${max} characters${pattern ? ` matching ${pattern.source}` : ''}`
  return (value, at, report) => {
    const fits =
      typeof value === 'string' &&
      value.length >= min &&
      value.length <= max &&
      value.isWellFormed() &&
      (pattern?.test(value) ?? true)
    return fits ? value : report(at, expected, value)
  }
}

/** A text whose value no message ever shows: a wrong token may be a good one with a slip. */
export const secretText = (limits: { min?: number; max?: number } = {}): Shape<string> => {
  const shape = text(limits)
  return (value, at, report) =>
    shape(value, at, (path, expected, found) =>
      report(path, expected, typeof found === 'string' ? HIDDEN : found),
    )
}
const HIDDEN = Symbol('hidden')

export const integer = (limits: { min?: number; max?: number } = {}): Shape<number> => {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits
  return (value, at, report) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? (value as number)
      : report(at, `a whole number from ${min} to ${max}`, value)
}

export const boolean: Shape<boolean> = (value, at, report) =>
  typeof value === 'boolean' ? value : report(at, 'true or false', value)

export const literal =
  <const T extends string | number | boolean>(...allowed: T[]): Shape<T> =>
  (value, at, report) =>
    allowed.includes(value as T)
      ? (value as T)
      : report(at, allowed.map((one) => JSON.stringify(one)).join(' or '), value)

export const list =
  <T>(item: Shape<T>, limits: { min?: number; max?: number } = {}): Shape<T[]> =>
  (value, at, report) => {
    const { min = 0, max = 1000 } = limits
    if (!Array.isArray(value) || value.length < min || value.length > max)
      return report(at, `a list of ${min} to ${max} entries`, value)
    return value.map((entry, index) => item(entry, [...at, index], report))
  }

export const record =
  <T>(item: Shape<T>, limits: { max?: number; key?: RegExp } = {}): Shape<Record<string, T>> =>
  (value, at, report) => {
    const { max = 1000, key } = limits
    if (!isPlainObject(value) || Object.keys(value).length > max)
      return report(at, `a mapping of at most ${max} entries`, value)
    const entries = Object.entries(value).map(([name, entry]) => {
      if (key !== undefined && !key.test(name)) report([...at, name], `a key matching ${key.source}`, name)
      return [name, item(entry, [...at, name], report)] as const
    })
    return Object.fromEntries(entries)
  }

declare const optionalMark: unique symbol
export type OptionalShape<T> = Shape<T> & { [optionalMark]: true }
const optionals = new WeakSet<object>()

/** A member that may be absent. `undefined` and absent are the same; `null` is a value and is refused. */
export function optional<T>(shape: Shape<T>): OptionalShape<T> {
  const copy: Shape<T> = (value, at, report) => shape(value, at, report)
  optionals.add(copy)
  return copy as OptionalShape<T>
}

type Members = Record<string, Shape<unknown>>
type ObjectOf<M extends Members> = Flat<
  { [K in keyof M as M[K] extends OptionalShape<unknown> ? never : K]: Infer<M[K]> } & {
    [K in keyof M as M[K] extends OptionalShape<unknown> ? K : never]?: Infer<M[K]>
  }
>
type Flat<T> = { [K in keyof T]: T[K] }

/** Unknown members are problems: a misspelt key must never be silently ignored. */
export const object =
  <M extends Members>(members: M): Shape<ObjectOf<M>> =>
  (value, at, report) => {
    if (!isPlainObject(value)) return report(at, 'a mapping', value)
    for (const name of Object.keys(value))
      if (!Object.hasOwn(members, name))
        report([...at, name], `one of the keys ${Object.keys(members).join(', ')}`, name)
    const result: Record<string, unknown> = {}
    for (const [name, shape] of Object.entries(members)) {
      const member = Object.hasOwn(value, name) ? value[name] : undefined
      if (member === undefined && optionals.has(shape)) continue
      result[name] = shape(member, [...at, name], report)
    }
    return result as ObjectOf<M>
  }

/** One of several objects, told apart by a member that holds a literal. */
export const variant =
  <T>(tag: string, shapes: Record<string, Shape<T>>): Shape<T> =>
  (value, at, report) => {
    const name = isPlainObject(value) ? value[tag] : undefined
    const shape = typeof name === 'string' && Object.hasOwn(shapes, name) ? shapes[name] : undefined
    return shape ? shape(value, at, report) : report([...at, tag], Object.keys(shapes).join(' or '), name)
  }

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function printable(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === HIDDEN) return 'a text that is not shown'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'a mapping'
  const shown = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value))
  return shown.length > 80 ? `${shown.slice(0, 77).toWellFormed()}…` : shown
}
