import { Hook as ImportHook } from 'import-in-the-middle'
import { register, supportsSyncHooks } from 'import-in-the-middle/register-hooks.mjs'
import { Hook as RequireHook } from 'require-in-the-middle'
import type { Gate } from '#gate'
import type { Instrumentation } from './instrumentation.ts'

/**
 * Patches modules as the program loads them, its ESM and its CommonJS copies. It must run before the program's
 * first import. Throws where this Node cannot do it: an agent must not start uncontrolled.
 */
export function installHooks(instrumentations: readonly Instrumentation[], gate: Gate): void {
  if (!supportsSyncHooks())
    throw new Error(
      `holdpoint: Node ${process.versions.node} cannot hook ES modules safely; use 22.22.3, 24.11.1, 25.1, 26 or newer`,
    )
  const specifiers = new Set(instrumentations.flatMap((one) => one.specifiers))
  // Only what is patched is wrapped: wrapping everything costs start-up time and breaks bundled modules.
  register({ shouldInclude: (_url: string, specifier: string) => specifiers.has(specifier) } as never)
  for (const { specifiers: names, patch } of instrumentations) {
    const onLoad = <T>(exports: T): T => {
      patch(exports as Record<string, unknown>, gate)
      return exports
    }
    new ImportHook([...names], (exports) => void onLoad(exports))
    new RequireHook([...names], onLoad)
  }
}
