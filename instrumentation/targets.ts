import { isBuiltin } from 'node:module'
import { basename, dirname, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { entryFilesOf } from './entry-files.ts'
import type { Instrumentation } from './instrumentation.ts'
import { type InstalledPackage, packageNameIn, packageOf } from './packages.ts'

/** One file that is to be patched, and why. */
export interface Target {
  instrumentation: Instrumentation
  specifier: string
  package: InstalledPackage
}

export interface Targets {
  /** What has to be patched in the file behind a URL. */
  at(url: string): readonly Target[]
  /** A program has imported this file by that specifier: whatever the package calls itself, it takes that place. */
  called(specifier: string, url: string): void
}

interface Wanted {
  instrumentation: Instrumentation
  specifier: string
  subpath: string
}

const NONE: readonly Target[] = []

/**
 * Finds the files to patch by the package that they belong to, not by the words they are imported with: an alias, a
 * relative path or a second copy in the tree leads to the same classes.
 */
export function createTargets(instrumentations: readonly Instrumentation[]): Targets {
  const wanted = wantedBy(instrumentations)
  const known = new Map<string, readonly Target[]>()
  const files = new Map<string, Target[]>()
  const done = new Set<string>()

  function add(found: InstalledPackage, name: string): boolean {
    const key = `${name} ${found.folder}`
    if (!wanted.has(name) || done.has(key)) return false
    done.add(key)
    for (const { instrumentation, specifier, subpath } of wanted.get(name) ?? [])
      for (const file of new Set(entryFilesOf(found, subpath))) {
        const targets = files.get(file) ?? []
        // An alias must not have one file patched twice for the same reason.
        if (!targets.some((one) => one.instrumentation === instrumentation && one.specifier === specifier))
          files.set(file, [...targets, { instrumentation, specifier, package: found }])
      }
    return true
  }

  function look(url: string): readonly Target[] {
    const file = fileOf(url)
    const found = file === undefined ? undefined : packageOf(dirname(file))
    if (file === undefined || found === undefined) return NONE
    add(found, found.name)
    add(found, installedAs(found.folder))
    return files.get(file) ?? NONE
  }

  return {
    at(url) {
      const targets = known.get(url) ?? look(url)
      known.set(url, targets)
      return targets
    },
    called(specifier, url) {
      const name = packageNameIn(specifier)
      if (!wanted.has(name)) return
      const file = fileOf(url)
      // A path alias of the program's own leads to its own code.
      const found = file?.includes(`${sep}node_modules${sep}`) ? packageOf(dirname(file)) : undefined
      if (found !== undefined && add(found, name)) known.clear()
    },
  }
}

function wantedBy(instrumentations: readonly Instrumentation[]): Map<string, Wanted[]> {
  const wanted = new Map<string, Wanted[]>()
  for (const instrumentation of instrumentations)
    for (const specifier of instrumentation.specifiers) {
      if (isBuiltin(specifier)) continue
      const name = packageNameIn(specifier)
      const subpath = `.${specifier.slice(name.length)}`
      wanted.set(name, [...(wanted.get(name) ?? []), { instrumentation, specifier, subpath }])
    }
  return wanted
}

/** A query makes another instance of a module, of the same file. */
function fileOf(url: string): string | undefined {
  if (!url.startsWith('file:')) return undefined
  try {
    return fileURLToPath(url)
  } catch {
    return undefined
  }
}

/** `…/node_modules/@scope/name` → `@scope/name`. */
function installedAs(folder: string): string {
  const above = basename(dirname(folder))
  return above.startsWith('@') ? `${above}/${basename(folder)}` : basename(folder)
}
