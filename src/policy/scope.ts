import { type CelInput, celList, celMap } from '@bufbuild/cel'
import type { Fact, JsonValue, NamedPrincipal, Principal } from '#contract'

/** What policy is asked about: an action, and who attempts it where and for whom. */
export interface Question {
  action: { kind: string; name: string; target?: string; arguments: JsonValue }
  environment: string
  agent: NamedPrincipal
  /** Verified people only. */
  onBehalfOf: Principal[]
  facts?: Fact[]
}

/** The variables of a condition, as CEL values. */
export type Scope = Record<string, CelInput>

/** Whose facts a condition sees. */
export type Believed = 'trusted' | 'all'

/** Beyond this many values in what a condition looks at, it is not evaluated: arguments are hostile input. */
export const MAX_VALUES = 5000

/**
 * Values are converted when a condition looks at them, once for each question. Without a prototype, because the
 * evaluator looks names up with `[]`.
 */
export function createScope(question: Question, believed: Believed): Scope {
  const convert = createConverter()
  const { action, agent } = question
  const scope: Scope = Object.create(null)
  scope.action = convert({
    kind: action.kind,
    name: action.name,
    ...(action.target === undefined ? {} : { target: action.target }),
    arguments: action.arguments,
  })
  scope.environment = question.environment
  scope.agent = convert({ iss: agent.iss, sub: agent.sub, name: agent.name })
  scope.onBehalfOf = convert(question.onBehalfOf.map(({ iss, sub }) => ({ iss, sub })))
  scope.facts = convert(Object.fromEntries(visibleFacts(question.facts ?? [], believed)))
  return scope
}

const RANK = { agent: 0, gateway: 1, broker: 2 }

/** Of two facts with one name the better source's stands: an agent cannot hide what the broker knows. */
function visibleFacts(facts: Fact[], believed: Believed): Map<string, JsonValue> {
  const seen = new Map<string, Fact>()
  for (const fact of facts) {
    if (believed === 'trusted' && fact.source !== 'broker' && fact.source !== 'gateway') continue
    const other = seen.get(fact.name)
    if (other === undefined || RANK[fact.source] > RANK[other.source]) seen.set(fact.name, fact)
  }
  return new Map([...seen].map(([name, { value }]) => [name, value]))
}

/**
 * The evaluator's own conversion takes any object with a member `$typeName` for a protobuf message, and shows the
 * rule what that message would hold instead of the arguments that will run. So every object becomes a plain map here.
 */
function createConverter(): (value: unknown) => CelInput {
  let left = MAX_VALUES
  const convert = (value: unknown): CelInput => {
    if (--left < 0) throw new Error(`more than ${MAX_VALUES} values`)
    switch (typeof value) {
      case 'string':
      case 'number':
      case 'boolean':
        return value
      case 'object':
        if (value === null) return null
        return Array.isArray(value) ? celList(value.map(convert)) : celMap(lazyMap(value, convert))
      default:
        throw new Error(`a ${typeof value}, which JSON does not have`)
    }
  }
  return convert
}

/** A map whose members are converted all together when the first of them is looked at. */
function lazyMap(object: object, convert: (value: unknown) => CelInput): ReadonlyMap<string, CelInput> {
  let filled: Map<string, CelInput> | undefined
  const fill = (): Map<string, CelInput> => {
    if (filled === undefined) {
      filled = new Map()
      for (const [key, value] of Object.entries(object))
        if (value !== undefined) filled.set(key, convert(value))
    }
    return filled
  }
  return {
    get size() {
      return fill().size
    },
    get: (key) => fill().get(key),
    has: (key) => fill().has(key),
    forEach: (callback) => fill().forEach(callback),
    entries: () => fill().entries(),
    keys: () => fill().keys(),
    values: () => fill().values(),
    [Symbol.iterator]: () => fill()[Symbol.iterator](),
  }
}
