import type { Call } from './call.ts'
import type { SmithyRequest } from './request.ts'

/** A client's list of middleware; the part of it that is used. */
export interface Stack {
  clone(): Stack
  add(middleware: Middleware, place: Place): void
  identify(): string[]
}

export interface Arguments {
  input: object
  request?: SmithyRequest
}
type Next = (given: Arguments) => Promise<unknown>
export type Middleware = (next: Next) => Next

/** Without a name: by one, whoever knows it could put something else in its place. */
export interface Place {
  step: 'initialize' | 'serialize' | 'build'
  priority: 'high' | 'low'
}

/**
 * Four of them. The first stands outside of all that may begin anew, so that it is one call; the second asks, when the
 * others have made of the input what they make of it; the third and the fourth see to it that what is serialized, and
 * signed, is what was allowed, whatever other middleware stands in between.
 */
export const middlewaresOf = (call: Call): { middleware: Middleware; place: Place }[] => [
  {
    place: { step: 'initialize', priority: 'high' },
    middleware: (next) => (given) => call.begin(() => next(given)),
  },
  {
    place: { step: 'initialize', priority: 'low' },
    middleware: (next) => (given) => call.ask(given.input, (input) => next({ ...given, input })),
  },
  {
    place: { step: 'serialize', priority: 'low' },
    middleware: (next) => async (given) => {
      call.checkInput(given.input)
      if (given.request !== undefined) call.keep(given.request)
      return next(given)
    },
  },
  {
    place: { step: 'build', priority: 'low' },
    middleware: (next) => async (given) => {
      if (given.request !== undefined) call.checkRequest(given.request)
      return next(given)
    },
  },
]
