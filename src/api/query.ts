import type { Context } from 'hono'
import {
  filterMembers,
  HoldpointError,
  type ListCall,
  object,
  pageMembers,
  parse,
  type Shape,
} from '#contract'

export const listQueryShape: Shape<Omit<ListCall, 'token'>> = object({ ...filterMembers, ...pageMembers })

/** The query as `shape` has it. What is unknown, or there twice, is refused: a misspelt filter would show too much. */
export function queryOf<T>(c: Context, shape: Shape<T>): T {
  const given: Record<string, unknown> = Object.create(null)
  for (const [name, value] of new URL(c.req.url).searchParams) {
    if (name in given)
      throw new HoldpointError('INVALID_INPUT', `the query: ${JSON.stringify(name)} is there twice`)
    given[name] = typed(name, value)
  }
  return parse(shape, { ...given }, 'the query')
}

/** An address holds texts alone; what is no number or truth stays one, and the shape says what was expected. */
function typed(name: string, value: string): unknown {
  if (name === 'limit' && /^\d{1,9}$/.test(value)) return Number(value)
  if (name === 'reviewable' && (value === 'true' || value === 'false')) return value === 'true'
  return value
}
