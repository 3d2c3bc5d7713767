import type { Gate } from '#gate'

/** How one framework or client is put under the gate. It never imports what it instruments. */
export interface Instrumentation {
  /** As `HOLDPOINT_ENABLED_INSTRUMENTATIONS` calls it: lower case, with hyphens. */
  name: string
  /** npm packages whose modules are patched, with the versions that were tested: `{ openai: '>=7.50 <8' }`. */
  packages: Readonly<Record<string, string>>
  /**
   * Import specifiers of what is patched; ESM and CJS copies alike, whatever name or path the program imports them by.
   * Modules of Node itself (`node:child_process`) are patched at once.
   */
  specifiers: readonly string[]
  /** Exports that `patch` replaces where a module has them: an ES module's own are handed out by the gate then. */
  replaces?: readonly string[]
  /**
   * Gets a module's exports, for each copy and each specifier that leads to it; what has been patched already is left
   * alone, as `replaceMethod` and `replaceExport` do. Throws when this version cannot be controlled.
   */
  patch(exports: Record<string, unknown>, gate: Gate, loaded?: Loaded): void
  /** What programs use without importing it, `fetch` for one; called once, before the program's first import. */
  patchGlobals?(gate: Gate): void
}

/** Which module, of the specifiers, has just been loaded. */
export interface Loaded {
  specifier: string
  format: 'esm' | 'cjs' | 'builtin'
  /** Of the package.json beside it; absent for Node's own modules. */
  package?: { name: string; version: string; folder: string }
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
  markGated(`${(target as { name?: string }).name || 'a class'}.${method}`)
  const done = replaced.get(prototype) ?? new Set()
  if (done.has(method)) return
  replaced.set(prototype, done.add(method))
  prototype[method] = make(original as Method)
}

const replaced = new WeakMap<object, Set<string>>()

/**
 * Replaces what a module exports, where no method can be. A module that passes another's export on passes on what has
 * been replaced already: that is left alone.
 */
export function replaceExport(
  exports: Record<string, unknown>,
  name: string,
  make: (original: Method) => Method,
): void {
  const original = exports[name]
  if (typeof original !== 'function')
    throw new TypeError(`holdpoint: this version exports no ${name} to control; it is not supported`)
  markGated(name)
  if (made.has(original)) return
  const replacement = make(original as Method)
  made.add(replacement)
  exports[name] = replacement
}

const made = new WeakSet<object>()

let gated: string[] | undefined

/** Says what has just been put under the gate, for the start line and the doctor; `replaceMethod` does so itself. */
export function markGated(what: string): void {
  gated?.push(what)
}

/** What `patch` puts under the gate. */
export function collectGated(patch: () => void): string[] {
  gated = []
  try {
    patch()
    return gated
  } finally {
    gated = undefined
  }
}
