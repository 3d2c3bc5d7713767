import { registerHooks } from 'node:module'
import { addHook } from 'import-in-the-middle'
import { createHook } from 'import-in-the-middle/create-hook.mjs'

/**
 * Imports packages so that their exports can still be replaced later on, as loaders that come before a program do. What
 * other modules have imported of them changes with them.
 */
export async function openModules(
  ...specifiers: readonly string[]
): Promise<Record<string, Record<string, unknown>>> {
  const wanted = new Map(specifiers.map((specifier) => [import.meta.resolve(specifier), specifier]))
  const opened: Record<string, Record<string, unknown>> = {}
  const hook = createHook({ url: import.meta.resolve('import-in-the-middle/register-hooks.mjs') })
  hook.applyOptions({ shouldInclude: (url) => wanted.has(url) })
  const hooks = registerHooks({ resolve: hook.resolveSync, load: hook.loadSync })
  addHook((url, namespace) => {
    const specifier = wanted.get(url)
    if (specifier !== undefined) opened[specifier] = namespace as Record<string, unknown>
  })
  try {
    // Where a loader came before this one, it has opened them.
    for (const specifier of specifiers) {
      const exports = (await import(specifier)) as Record<string, unknown>
      opened[specifier] ??= exports
    }
  } finally {
    hooks.deregister()
  }
  return opened
}
