import {
  type Fact,
  type JsonValue,
  list,
  literal,
  namedPrincipalShape,
  object,
  optional,
  parse,
  principalShape,
  type Shape,
  text,
} from '#contract'
import type { Question } from './scope.ts'

const anyJson: Shape<JsonValue> = (value) => value as JsonValue

const bareActionShape = object({
  kind: text({ min: 1, max: 64 }),
  name: text({ min: 1, max: 500 }),
  target: optional(text({ min: 1, max: 2000 })),
  arguments: anyJson,
})

const fact: Shape<Fact> = object({
  name: text({ min: 1, max: 200 }),
  value: anyJson,
  source: literal('broker', 'gateway', 'agent'),
})

const questionShape = object({
  action: bareActionShape,
  agent: optional(namedPrincipalShape),
  onBehalfOf: optional(list(principalShape, { max: 8 })),
  facts: optional(list(fact, { max: 100 })),
})

/** Stands for an agent where a question does not say which. */
const SOME_AGENT = { iss: 'unknown', sub: 'unknown', name: 'unknown' }

/** Reads an action, or a question around one, out of a file. Throws INVALID_INPUT. */
export function parseQuestion(value: unknown, environment: string, place: string): Question {
  const isQuestion = typeof value === 'object' && value !== null && 'action' in value
  const {
    action,
    agent = SOME_AGENT,
    onBehalfOf = [],
    facts,
  } = isQuestion ? parse(questionShape, value, place) : { action: parse(bareActionShape, value, place) }
  return { action, environment, agent, onBehalfOf, ...(facts === undefined ? {} : { facts }) }
}
