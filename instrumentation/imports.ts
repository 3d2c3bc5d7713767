import * as loader from 'node:module'
import { HoldpointError } from '#contract'
import { ownUrl } from './own-files.ts'
import type { Targets } from './targets.ts'
import { wrapperOf } from './wrapper.ts'

type Exports = Record<string, unknown>

/** One that stands for a module, so that whoever imports that gets what it exports under the gate. */
interface Wrapper {
  /** Where the module itself is, for the wrapper. */
  url: string
  format: string | null | undefined
  /** Its text, from when the wrapper was made until it is loaded itself: other tools hand it out once. */
  loaded?: loader.LoadFnOutput
  patch(exports: Exports): void
}

const wrappers = new Map<string, Wrapper>()

/** With the URL of the module's file. */
type Patch = (file: string, exports: Exports, isCommonJs: boolean) => void

/** Hands what a module exports to `patch` before whoever imports it gets any of it. */
export function hookImport(targets: Targets, patch: Patch): void {
  /** From the URL of a module to that of its wrapper. */
  const known = new Map<string, string>()
  /** What another tool's wrapper has asked for: it goes to whom it wraps, and ours is around it. */
  const passed = new Set<string>()

  function wrap(wrapper: string, url: string, format: Wrapper['format']): Wrapper {
    const made: Wrapper = {
      url,
      format,
      patch: (exports) => patch(fileIn(url), exports, made.format?.startsWith('commonjs') === true),
    }
    wrappers.set(wrapper, made)
    known.set(url, wrapper)
    return made
  }

  /** Not by a parameter that says which module it is: another tool would take it for one of its own. */
  const another = (url: string): string => `${fileIn(url)}?holdpoint=${wrappers.size}`

  function wrapped(found: string, format: Wrapper['format']): string {
    // What `import.meta.resolve` has said is a wrapper already, here or in another thread.
    if (wrappers.has(found)) return found
    const url = found.replace(/\?holdpoint=\d+$/, '')
    if (!known.has(url)) wrap(another(url), url, format)
    return known.get(url) as string
  }

  function load(wrapper: Wrapper, url: string, loaded: loader.LoadFnOutput): loader.LoadFnOutput {
    const { source, format } = loaded
    wrapper.format = format
    // Without a source it is CommonJS, which Node reads by itself.
    if (source !== undefined && source !== null) wrapper.loaded = loaded
    const replaced = targets.at(url).flatMap(({ instrumentation }) => instrumentation.replaces ?? [])
    const text = wrapperOf({
      wrapper: url,
      url: wrapper.url,
      source,
      format,
      replaced,
      imported: ownUrl('imported'),
    })
    return { source: text, format: 'module', shortCircuit: true }
  }

  function takeLoaded(url: string): loader.LoadFnOutput | undefined {
    const wrapper = wrappers.get(known.get(url) ?? '')
    const loaded = wrapper?.loaded
    delete wrapper?.loaded
    return loaded && { ...loaded, shortCircuit: true }
  }

  const isPatched = (url: string, format: Wrapper['format']): boolean =>
    targets.at(url).length > 0 && !NO_CODE.has(format ?? '')

  registerOutermost({
    resolve(specifier, context, next) {
      const { parentURL = '' } = context
      const from = wrappers.get(parentURL)
      if (from?.url === specifier) return { url: from.url, format: from.format, shortCircuit: true }
      const result = next(specifier, context)
      const { url, format } = result
      targets.called(specifier, url, parentURL)
      if (isRequired(context) || !isPatched(url, format)) return result
      if (fileIn(parentURL) !== fileIn(url))
        return { url: wrapped(url, format), format: 'module', shortCircuit: true }
      passed.add(url)
      return result
    },
    load(url, context, next) {
      const wrapper = wrappers.get(url)
      if (wrapper !== undefined)
        return load(wrapper, url, next(wrapper.url, { ...context, format: wrapper.format }))
      const loaded = takeLoaded(url) ?? next(url, context)
      const { format } = loaded
      if (known.has(url) || passed.has(url) || isRequired(context) || !isPatched(url, format)) return loaded
      // A hook that was registered past ours has resolved it by itself: the wrapper takes its place, and it goes elsewhere.
      return load(wrap(url, another(url), format), url, loaded)
    },
  })
}

/** Who registers hooks later is asked first, and need not ask those before: ours are registered anew, to stay the first. */
function registerOutermost(hooks: loader.RegisterHooksOptions): void {
  const builtin = process.getBuiltinModule('node:module')
  const { registerHooks } = builtin
  let ours = registerHooks(hooks)
  builtin.registerHooks = (theirs) => {
    const registered = registerHooks(theirs)
    ours.deregister()
    ours = registerHooks(hooks)
    return registered
  }
  loader.syncBuiltinESMExports()
}

/** Modules that are required are patched as they are. A program may have conditions of its own, which come last. */
const isRequired = ({ conditions }: { conditions: readonly string[] }): boolean =>
  conditions.find((one) => one === 'import' || one === 'require') === 'require'

const NO_CODE = new Set(['json', 'wasm', 'addon', 'builtin'])

/** Without a query or a fragment, which make another instance of the same file. */
const fileIn = (url: string): string => url.replace(/[?#].*$/s, '')

/**
 * What wrappers call. Returns what is exported from now on. Throws where it cannot be put under the gate: the import
 * fails then.
 */
export function patchImported(wrapper: string, module: Exports, replaceable: readonly string[]): Exports {
  const replaced = new Map<string | symbol, unknown>()
  const exports = new Proxy(module, {
    get: (_, name) => (replaced.has(name) ? replaced.get(name) : module[name as string]),
    set(_, name, value) {
      if (!replaceable.includes(name as string))
        throw new TypeError(`holdpoint: ${String(name)} is not exported in a way that can be controlled`)
      replaced.set(name, value)
      return true
    },
  })
  const found = wrappers.get(wrapper)
  if (found === undefined) throw new HoldpointError('INTERNAL', `${wrapper} is no module of the gate`)
  found.patch(exports)
  return exports
}
