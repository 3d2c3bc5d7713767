import {
  InstrumentationBase,
  InstrumentationNodeModuleDefinition,
  isWrapped,
} from '@opentelemetry/instrumentation'

/** Somebody else's instrumentation of the same methods, written as OpenTelemetry's own are. */
export function createOtherInstrumentation(methods: readonly (readonly [object, string])[]) {
  let seen = 0
  class Other extends InstrumentationBase {
    constructor() {
      super('other', '1.0.0', {})
    }
    protected override init() {
      return new InstrumentationNodeModuleDefinition('unused', ['*'])
    }
    /** `_wrap` takes off first what was put on by `_wrap` before. */
    wrap(): void {
      for (const [object, name] of methods)
        this._wrap(object as Methods, name, (original) => {
          return function (this: unknown, ...given: unknown[]) {
            seen++
            return original.apply(this, given)
          }
        })
    }
    unwrap(): void {
      for (const [object, name] of methods)
        if (isWrapped((object as Methods)[name])) this._unwrap(object as Methods, name)
    }
  }
  const other = new Other()
  return { wrap: () => other.wrap(), unwrap: () => other.unwrap(), seen: () => seen }
}

type Methods = Record<string, (this: unknown, ...given: unknown[]) => unknown>
