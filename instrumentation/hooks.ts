import * as loader from 'node:module'
import { pathToFileURL } from 'node:url'
import { types } from 'node:util'
import type { Gate } from '#gate'
import type { Coverage } from './coverage.ts'
import { hookImport } from './imports.ts'
import type { Instrumentation } from './instrumentation.ts'
import { createTargets, type Targets } from './targets.ts'
import { isWithin } from './versions.ts'

type Exports = Record<string, unknown>
/** Patches what a file exports, for every reason there is. */
type Patch = (url: string, exports: Exports, format: 'esm' | 'cjs') => void

/**
 * Patches modules as the program loads them, its ESM and its CommonJS copies, and Node's own at once. It must run
 * before the program's first import. Throws where this Node cannot do it: an agent must not start uncontrolled.
 */
export function installHooks(
  instrumentations: readonly Instrumentation[],
  gate: Gate,
  coverage: Coverage,
): void {
  // An older Node has no such export at all: asked for by name, it would fail before anything could be said.
  if (typeof loader.registerHooks !== 'function' || !isWithin(process.versions.node, HOOKS))
    throw new Error(
      `holdpoint: Node ${process.versions.node} cannot hook ES modules safely; use 22.22.3, 24.11.1, 25.1, 26 or newer`,
    )
  const targets = createTargets(instrumentations)
  const patch: Patch = (url, exports, format) => {
    for (const { instrumentation, specifier, package: found } of targets.at(url))
      coverage.patch(instrumentation, exports, gate, { specifier, format, package: found })
  }
  patchBuiltins(instrumentations, gate, coverage)
  const required = new Set<string>()
  hookRequire(targets, required, patch)
  hookImport(targets, (url, exports, isCommonJs) => {
    if (!isCommonJs || !required.has(url)) patch(url, exports, 'esm')
  })
}

/** Where synchronous hooks leave CommonJS without a source alone: https://github.com/nodejs/node/pull/59929 */
const HOOKS = '>=22.22.3 <23 || >=24.11.1 <25 || >=25.1'

function patchBuiltins(instrumentations: readonly Instrumentation[], gate: Gate, coverage: Coverage): void {
  for (const instrumentation of instrumentations) {
    instrumentation.patchGlobals?.(gate)
    for (const specifier of instrumentation.specifiers.filter((one) => loader.isBuiltin(one))) {
      const exports = process.getBuiltinModule(specifier) as unknown as Exports
      coverage.patch(instrumentation, exports, gate, { specifier, format: 'builtin' })
    }
  }
  loader.syncBuiltinESMExports()
}

/** Every CommonJS module comes through here once it has run, however it was asked for. */
function hookRequire(targets: Targets, required: Set<string>, patch: Patch): void {
  const prototype = loader.Module.prototype as unknown as { load: Load }
  const { load } = prototype
  const patchLoaded = (module: LoadedModule, filename: string): void => {
    const url = pathToFileURL(filename).href
    if (targets.at(url).length === 0) return
    // An ES module that was required has exports that nobody can change: its copy can be.
    const exports = types.isModuleNamespaceObject(module.exports) ? { ...module.exports } : module.exports
    patch(url, exports, 'cjs')
    // Whoever imports an ES module gets another copy of what it exports.
    if (exports === module.exports) required.add(url)
    if (Object.entries(exports).some(([name, value]) => module.exports[name] !== value))
      module.exports = exports
  }
  prototype.load = function (this: LoadedModule, filename: string) {
    load.call(this, filename)
    patchLoaded(this, filename)
  }
  // What came before: nothing, unless the program starts the gate itself.
  const { cache } = loader.createRequire(import.meta.url)
  for (const [filename, module] of Object.entries(cache)) if (module?.loaded) patchLoaded(module, filename)
}

type Load = (this: LoadedModule, filename: string) => void
interface LoadedModule {
  exports: Exports
}
