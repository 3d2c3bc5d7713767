import * as loader from 'node:module'
import { HoldpointError } from '#contract'
import { ownUrl } from './own-files.ts'
import type { Targets } from './targets.ts'
import { wrapperOf } from './wrapper.ts'

type Exports = Record<string, unknown>

/** One that stands for a module, so that whoever imports that gets what it exports under the gate. */
interface Wrapper {
  /** The module's own URL. */
  url: string
  format: string | null | undefined
  /** Its text, from when the wrapper was made until it is loaded itself: other tools hand it out once. */
  loaded?: loader.LoadFnOutput
  patch(exports: Exports): void
}

const wrappers = new Map<string, Wrapper>()

/** Hands what a module exports to `patch`, with its file's URL, before whoever imports it gets any of it. */
export function hookImport(targets: Targets, patch: (file: string, exports: Exports) => void): void {
  const known = new Map<string, string>()

  /** Not by a parameter that says which module it is: another tool would take it for one of its own. */
  function wrapped(url: string, format: Wrapper['format']): string {
    const found = known.get(url)
    if (found !== undefined) return found
    const wrapper = `${fileIn(url)}?holdpoint=${wrappers.size}`
    wrappers.set(wrapper, { url, format, patch: (exports) => patch(fileIn(url), exports) })
    known.set(url, wrapper)
    return wrapper
  }

  function takeLoaded(url: string): loader.LoadFnOutput | undefined {
    const wrapper = wrappers.get(known.get(url) ?? '')
    const loaded = wrapper?.loaded
    delete wrapper?.loaded
    return loaded && { ...loaded, shortCircuit: true }
  }

  loader.registerHooks({
    resolve(specifier, context, next) {
      const from = wrappers.get(context.parentURL ?? '')
      if (from?.url === specifier) return { url: from.url, format: from.format, shortCircuit: true }
      const result = next(specifier, context)
      const { url, format } = result
      targets.called(specifier, url)
      if (targets.at(url).length === 0 || NO_CODE.has(format ?? '')) return result
      // Modules that are required are patched as they are; the program's entry is nobody's package.
      const { parentURL, conditions } = context
      if (parentURL === undefined || conditions.includes('require')) return result
      // From another tool's wrapper to what it wraps.
      if (fileIn(parentURL) === fileIn(url)) return result
      return { url: wrapped(url, format), format: 'module', shortCircuit: true }
    },
    load(url, context, next) {
      const wrapper = wrappers.get(url)
      if (wrapper === undefined) return takeLoaded(url) ?? next(url, context)
      const loaded = next(wrapper.url, { ...context, format: wrapper.format })
      const { source, format } = loaded
      // Without a source it is CommonJS, which Node reads by itself.
      if (source !== undefined && source !== null) wrapper.loaded = loaded
      const replaced = targets
        .at(wrapper.url)
        .flatMap(({ instrumentation }) => instrumentation.replaces ?? [])
      return {
        source: wrapperOf({
          wrapper: url,
          url: wrapper.url,
          source,
          format,
          replaced,
          imported: ownUrl('imported'),
        }),
        format: 'module',
        shortCircuit: true,
      }
    },
  })
}

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
