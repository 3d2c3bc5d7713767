import * as loader from 'node:module'
import { Hook as ImportHook } from 'import-in-the-middle'
import { createHook } from 'import-in-the-middle/create-hook.mjs'
import { supportsSyncHooks } from 'import-in-the-middle/supports-sync-hooks.mjs'
import { Hook as RequireHook } from 'require-in-the-middle'
import type { Gate } from '#gate'
import type { Instrumentation } from './instrumentation.ts'

/**
 * Patches modules as the program loads them, its ESM and its CommonJS copies. It must run before the program's
 * first import. Throws where this Node cannot do it: an agent must not start uncontrolled.
 */
export function installHooks(instrumentations: readonly Instrumentation[], gate: Gate): void {
  // An older Node has no such export at all: asked for by name, it would fail before anything could be said.
  if (typeof loader.registerHooks !== 'function' || !supportsSyncHooks())
    throw new Error(
      `holdpoint: Node ${process.versions.node} cannot hook ES modules safely; use 22.22.3, 24.11.1, 25.1, 26 or newer`,
    )
  const specifiers = new Set(instrumentations.flatMap((one) => one.specifiers))
  // Loader hooks of our own: `register` of the library serves whoever calls it first, and leaves out what that
  // caller did not ask for. Only what is patched is wrapped: more costs start-up time and breaks bundled modules.
  const hook = createHook({ url: import.meta.resolve('import-in-the-middle/register-hooks.mjs') })
  hook.applyOptions({ shouldInclude: (_url, specifier) => specifiers.has(specifier) })
  loader.registerHooks({ resolve: hook.resolveSync, load: hook.loadSync })
  for (const { specifiers, patch, patchGlobals } of instrumentations) {
    patchGlobals?.(gate)
    const [builtIn, names] = [
      specifiers.filter(loader.isBuiltin),
      specifiers.filter((one) => !loader.isBuiltin(one)),
    ]
    for (const specifier of builtIn)
      patch(process.getBuiltinModule(specifier) as never, gate, { specifier, format: 'builtin' })
    if (builtIn.length > 0) loader.syncBuiltinESMExports()
    const onLoad = <T>(exports: T): T => {
      patch(exports as Record<string, unknown>, gate, { specifier: names[0] ?? '', format: 'cjs' })
      return exports
    }
    new ImportHook([...names], (exports) => void onLoad(exports))
    new RequireHook([...names], onLoad)
  }
}
