/** Where the dispatchers of undici connect to. */
export interface Connected {
  /** The origin that it belongs to; absent for agents, which go where each request says. */
  bound?: string
  socketPath?: string
  isByProgram?: boolean
}

/** Options that the program made a dispatcher with. What undici makes for itself is not in it. */
const options = new WeakMap<object, DispatcherOptions>()

interface DispatcherOptions {
  socketPath?: unknown
  connect?: unknown
}

/** The class as before; what is made of it is remembered with its options, for nothing tells of them afterwards. */
export const remembering = <T extends object>(Class: T): T =>
  new Proxy(Class, {
    construct(target, given, newTarget) {
      const made = Reflect.construct(target as never, given, newTarget) as object
      const last = given.at(-1) as DispatcherOptions | undefined
      if (typeof last === 'object' && last !== null) options.set(made, { ...last })
      return made
    },
  })

export function connectedTo(dispatcher: object): Connected {
  const given = options.get(dispatcher)
  const path = given?.socketPath ?? (given?.connect as DispatcherOptions | undefined)?.socketPath
  const url = boundTo(dispatcher)
  return {
    ...(url === undefined ? {} : { bound: url.origin }),
    ...(typeof path === 'string' ? { socketPath: path } : {}),
    ...(isByProgram(given) ? { isByProgram: true } : {}),
  }
}

/** A lookup of the program's own answers whatever it likes. */
const isByProgram = ({ connect }: DispatcherOptions = {}): boolean =>
  typeof connect === 'function' ||
  ['lookup', 'socket'].some((name) => (connect as Record<string, unknown> | undefined)?.[name] !== undefined)

/** A client and a pool belong to one origin; a request's own `origin` only changes its `Host`. */
function boundTo(dispatcher: object): URL | undefined {
  const url = symbolOf(dispatcher, 'url')
  const value = url === undefined ? undefined : (dispatcher as Record<symbol, unknown>)[url]
  return value instanceof URL ? value : undefined
}

const symbols = new WeakMap<object, Map<string, symbol | undefined>>()

/** Undici's own symbols are its own: they are found by their description, once for each class. */
function symbolOf(dispatcher: object, description: string): symbol | undefined {
  const Class = Object.getPrototypeOf(dispatcher) as object
  const known = symbols.get(Class) ?? new Map<string, symbol | undefined>()
  symbols.set(Class, known)
  if (!known.has(description))
    known.set(
      description,
      Object.getOwnPropertySymbols(dispatcher).find((one) => one.description === description),
    )
  return known.get(description)
}
