declare module 'import-in-the-middle/create-hook.mjs' {
  import type { LoadHookSync, ResolveHookSync } from 'node:module'

  /** One set of synchronous loader hooks; `meta.url` is that of a file beside create-hook.mjs. */
  export function createHook(meta: { url: string }): {
    applyOptions(options: { shouldInclude(url: string, specifier: string): boolean }): void
    resolveSync: ResolveHookSync
    loadSync: LoadHookSync
  }
}

declare module 'import-in-the-middle/supports-sync-hooks.mjs' {
  /** Whether this Node has synchronous loader hooks that work. */
  export function supportsSyncHooks(): boolean
}
