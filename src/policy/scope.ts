import { type CelInput, celList, celMap } from '@bufbuild/cel'
import type { Fact, JsonValue, NamedPrincipal, Principal } from '#contract'

/** What policy is asked about: an action, and who attempts it where and for whom. */
export interface Question {
  action: { kind: string; name: string; target?: string; arguments: JsonValue }
  environment: string
  agent: NamedPrincipal
  /** Verified people only. Undefined where some are named and nobody has verified them: no condition sees any. */
  onBehalfOf: Principal[] | undefined
  facts?: Fact[]
}

/** The variables of a condition, as CEL values. */
export type Scope = Record<string, CelInput>

/** Whose facts a condition sees. */
export type Believed = 'trusted' | 'all'

/** Beyond this many values in what a condition looks at, it is not evaluated: arguments are hostile input. */
export const MAX_VALUES = 2048

/** Values times characters, where a condition works through a text once for each entry of a list. */
export const MAX_PRODUCT = 4_000_000

const NO_FACTS = celMap(new Map())
const NOBODY = celList([])

/** Values are converted when a condition looks at them, once for each question. */
export function createScope(question: Question, believed: Believed, { multiplies = false } = {}): Scope {
  const convert = createConverter(multiplies ? MAX_PRODUCT : Number.POSITIVE_INFINITY)
  const { action, environment, agent, onBehalfOf, facts = [] } = question
  const { kind, name, target } = action
  return {
    action: convert({ kind, name, target, arguments: action.arguments }),
    environment,
    agent: convert({ iss: agent.iss, sub: agent.sub, name: agent.name }),
    ...(onBehalfOf === undefined ? {} : { onBehalfOf: peopleOf(onBehalfOf, convert) }),
    facts: facts.length === 0 ? NO_FACTS : convert(Object.fromEntries(visibleFacts(facts, believed))),
  }
}

const peopleOf = (people: Principal[], convert: (value: unknown) => CelInput): CelInput =>
  people.length === 0 ? NOBODY : convert(people.map(({ iss, sub }) => ({ iss, sub })))

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
function createConverter(maxProduct: number): (value: unknown) => CelInput {
  let values = 0
  let characters = 0
  const convert = (value: unknown): CelInput => {
    if (++values > MAX_VALUES) throw new Error(`more than ${MAX_VALUES} values`)
    if (typeof value === 'string') characters += value.length
    if (values * characters > maxProduct) throw new Error('too much text for a loop')
    switch (typeof value) {
      case 'string':
      case 'number':
      case 'boolean':
        return value
      case 'object':
        if (value === null) return null
        return Array.isArray(value) ? celList(value.map(convert)) : celMap(new LazyMap(value, convert))
      default:
        throw new Error(`a ${typeof value}, which JSON does not have`)
    }
  }
  return convert
}

/** Converts its members all together when the first of them is looked at. A class, because it is made on every call. */
class LazyMap implements ReadonlyMap<string, CelInput> {
  readonly #object: object
  readonly #convert: (value: unknown) => CelInput
  #filled: Map<string, CelInput> | undefined

  constructor(object: object, convert: (value: unknown) => CelInput) {
    this.#object = object
    this.#convert = convert
  }

  #members(): Map<string, CelInput> {
    if (this.#filled === undefined) {
      const members = new Map<string, CelInput>()
      for (const [key, value] of Object.entries(this.#object))
        if (value !== undefined) members.set(key, this.#convert(value))
      this.#filled = members
    }
    return this.#filled
  }

  get size(): number {
    return this.#members().size
  }
  get(key: string): CelInput | undefined {
    return this.#members().get(key)
  }
  has(key: string): boolean {
    return this.#members().has(key)
  }
  forEach(callback: (value: CelInput, key: string, map: ReadonlyMap<string, CelInput>) => void): void {
    this.#members().forEach(callback)
  }
  entries(): MapIterator<[string, CelInput]> {
    return this.#members().entries()
  }
  keys(): MapIterator<string> {
    return this.#members().keys()
  }
  values(): MapIterator<CelInput> {
    return this.#members().values()
  }
  [Symbol.iterator](): MapIterator<[string, CelInput]> {
    return this.#members().entries()
  }
}
