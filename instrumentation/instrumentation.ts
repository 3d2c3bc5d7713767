import type { Gate } from '#gate'

/** How one framework or client is put under the gate. It never imports what it instruments. */
export interface Instrumentation {
  name: string
  /** Import specifiers under which the classes to patch are found; ESM and CJS copies are patched alike. */
  specifiers: readonly string[]
  /** Gets the module's exports, once for each copy. Throws when this version cannot be controlled. */
  patch(exports: Record<string, unknown>, gate: Gate): void
}

type Method = (this: unknown, ...given: never[]) => unknown

/**
 * Replaces a method by plain assignment: OpenTelemetry's `_wrap` takes off what was wrapped with it before, and
 * would remove the gate without a word. A second copy of the same class is another class; the same one is left alone.
 */
export function replaceMethod(target: unknown, method: string, make: (original: Method) => Method): void {
  const prototype = (target as { prototype?: Record<string, unknown> } | undefined)?.prototype
  const original = prototype?.[method]
  if (prototype === undefined || typeof original !== 'function')
    throw new TypeError(`holdpoint: this version has no method ${method} to control; it is not supported`)
  const done = replaced.get(prototype) ?? new Set()
  if (done.has(method)) return
  replaced.set(prototype, done.add(method))
  prototype[method] = make(original as Method)
}

const replaced = new WeakMap<object, Set<string>>()
