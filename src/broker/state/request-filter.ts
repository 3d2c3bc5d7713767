import type { RequestFilter } from '#contract'
import type { Request } from './requests.ts'

type Match = (request: Request) => boolean

/**
 * What a filter says of one request, or undefined where it asks for nothing. It may run over all that was ever
 * asked: nothing is made anew but lower-case copies of texts that have capitals.
 */
export function matcherOf(filter: RequestFilter): Match | undefined {
  const conditions: Match[] = []
  const add = (wanted: string | undefined, toMatch: (lower: string) => Match): void => {
    if (wanted !== undefined) conditions.push(toMatch(wanted.toLowerCase()))
  }
  // By the name that people see, or by the id.
  add(
    filter.agent,
    (wanted) =>
      ({ requested: { agent } }) =>
        is(agent.name, wanted) || is(agent.sub, wanted),
  )
  add(
    filter.environment,
    (wanted) =>
      ({ requested }) =>
        is(requested.environment, wanted),
  )
  add(
    filter.kind,
    (wanted) =>
      ({ requested }) =>
        is(requested.kind, wanted),
  )
  add(
    filter.risk,
    (wanted) =>
      ({ requested }) =>
        requested.ruling.risk === wanted,
  )
  add(
    filter.rule,
    (wanted) =>
      ({ requested }) =>
        is(requested.ruling.rule, wanted),
  )
  add(filter.text, (part) => (request) => mentions(request, part))
  if (conditions.length === 0) return undefined
  return (request) => conditions.every((holds) => holds(request))
}

const is = (value: string, lower: string): boolean => value.toLowerCase() === lower
const has = (value: string, lower: string): boolean => value.toLowerCase().includes(lower)

const mentions = (
  { requested: { requestId, agent, name, target, ruling } }: Request,
  part: string,
): boolean =>
  has(requestId, part) ||
  has(agent.name, part) ||
  has(agent.sub, part) ||
  has(name, part) ||
  (target !== undefined && has(target, part)) ||
  has(ruling.rule, part)
