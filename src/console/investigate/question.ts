import { type Infer, literal, object, optional, parse, type Shape, text, VERIFICATIONS } from '#contract'
import { VIOLATIONS } from './findings.ts'
import { cursorShape } from './paging.ts'
import { type GivenRange, momentShape, presetNames, rangeOf, type TimeRange } from './range.ts'

/** The members of an address as somebody gave them; empty ones of a form are left out. */
export type Fields = Readonly<Record<string, string | readonly string[]>>

const word = optional(text({ min: 1, max: 500 }))
const rangeMembers = {
  range: optional(literal(...presetNames)),
  from: optional(momentShape('first')),
  to: optional(momentShape('last')),
}

/** Not among the pipeline's words: nothing was found yet. */
export const UNJUDGED = 'unjudged'

/** `unknown`: it depends on what the span does not carry. */
export const RULINGS = ['allow', 'hold', 'deny', 'unknown'] as const
/** `none`: nobody was asked. */
export const DECISIONS = ['approved', 'denied', 'expired', 'cancelled', 'pending', 'none'] as const

export const actedShape = object({
  ...rangeMembers,
  text: word,
  agent: word,
  user: word,
  kind: word,
  action: word,
  target: word,
  environment: word,
  ruling: optional(literal(...RULINGS)),
  decision: optional(literal(...DECISIONS)),
  approver: word,
  verification: optional(literal(...VERIFICATIONS, UNJUDGED)),
  show: optional(literal('all')),
  after: optional(cursorShape),
})

export type ActedQuestion = Infer<typeof actedShape>

export const violationsShape = object({
  ...rangeMembers,
  verification: optional(literal(...VIOLATIONS)),
  agent: word,
  after: optional(cursorShape),
})

export type ViolationsQuestion = Infer<typeof violationsShape>

export type Question<T> = { ok: true; asked: T; range: TimeRange } | { ok: false; error: unknown }

/**
 * What an address asks for, or what is wrong with it. Names that nobody knows are wrong as well: a misspelt filter
 * that counted for nothing would show what nobody asked for.
 */
export function readQuestion<T extends GivenRange>(
  shape: Shape<T>,
  fields: Fields,
  nowMs: number,
): Question<T> {
  try {
    const asked = parse(shape, fields, 'filter')
    return { ok: true, asked, range: rangeOf(asked, nowMs) }
  } catch (error) {
    return { ok: false, error }
  }
}

export const fieldsOf = (query: Readonly<Record<string, string[]>>): Fields =>
  Object.fromEntries(
    Object.entries(query).flatMap(([name, values]) => {
      const given = values.map((value) => value.trim()).filter((value) => value !== '')
      return given.length === 0 ? [] : [[name, given.length === 1 ? (given[0] as string) : given]]
    }),
  )

/** What a form gives back of a field, also where it could not be used. */
export const typed = (fields: Fields, name: string): string => {
  const value = fields[name]
  return typeof value === 'string' ? value : ''
}

/** The same page with something changed, `''` takes it away; always a path of our own, and from its first rows on. */
export function addressOf(
  path: string,
  fields: Fields,
  change: Readonly<Record<string, string>> = {},
): string {
  const { after: _, ...rest } = fields
  const kept = Object.entries({ ...rest, ...change }).filter(
    ([, value]) => typeof value === 'string' && value !== '',
  )
  const query = new URLSearchParams(kept as [string, string][]).toString()
  return query === '' ? path : `${path}?${query}`
}
