import { existsSync, realpathSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { basename, dirname, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { entryFilesOf } from './entry-files.ts'
import type { Instrumentation } from './instrumentation.ts'
import { findPackage, type InstalledPackage, packageNameIn, packageOf } from './packages.ts'

/** One file that is to be patched, and why. */
export interface Target {
  instrumentation: Instrumentation
  specifier: string
  package: InstalledPackage
}

export interface Targets {
  /** What has to be patched in the file behind a URL. */
  at(url: string): readonly Target[]
  /**
   * A program has imported this file by that specifier, from `parent`: whatever the package calls itself, and wherever
   * its folder or its files are linked from, it takes that place.
   */
  called(specifier: string, url: string, parent: string): void
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
  const files = new Map<string, Target[]>()
  const foldersOfFiles = new Set<string>()
  /** Of URLs, whether any file to patch lies there: thousands of modules lie where none does. */
  const folders = new Map<string, boolean>()
  const done = new Set<string>()
  const program = packageOfProgram()

  function add(found: InstalledPackage, name: string): void {
    const key = `${name} ${found.folder}`
    if (!wanted.has(name) || done.has(key) || found.folder === program?.folder) return
    done.add(key)
    for (const { instrumentation, specifier, subpath } of wanted.get(name) ?? [])
      for (const file of new Set(entryFilesOf(found, subpath).flatMap(withLinked))) {
        const targets = files.get(file) ?? []
        // An alias must not have one file patched twice for the same reason.
        if (!targets.some((one) => one.instrumentation === instrumentation && one.specifier === specifier))
          files.set(file, [...targets, { instrumentation, specifier, package: found }])
        foldersOfFiles.add(dirname(file))
      }
    folders.clear()
  }

  function isFolderOfFiles(folder: string): boolean {
    const found = packageOf(folder)
    if (found !== undefined) {
      add(found, found.name)
      add(found, installedAs(found.folder))
    }
    return foldersOfFiles.has(folder)
  }

  return {
    at(url) {
      const folder = url.slice(0, url.lastIndexOf('/'))
      if (folders.get(folder) === false) return NONE
      const file = fileOf(url)
      if (file === undefined) return NONE
      if (!folders.has(folder)) folders.set(folder, isFolderOfFiles(dirname(file)))
      return files.get(file) ?? NONE
    },
    called(specifier, url, parent) {
      const name = packageNameIn(specifier)
      if (!wanted.has(name)) return
      const [file, from] = [fileOf(url), fileOf(parent)]
      // A path alias of the program's own leads to its own code.
      const loaded = file !== undefined && isInstalled(file) ? packageOf(dirname(file)) : undefined
      const installed = from === undefined ? undefined : findPackage(name, dirname(from))
      for (const found of [loaded, installed]) if (found !== undefined) add(found, name)
    },
  }
}

/** Also where it is a link of its own: what is loaded is what it leads to. */
const withLinked = (file: string): string[] => (existsSync(file) ? [file, realpathSync(file)] : [file])

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

/** `…/node_modules/@scope/name` → `@scope/name`; nothing for what is not installed: a folder may be called anything. */
function installedAs(folder: string): string {
  const above = dirname(folder)
  const scope = basename(above).startsWith('@') ? basename(above) : undefined
  if (basename(scope === undefined ? above : dirname(above)) !== 'node_modules') return ''
  return scope === undefined ? basename(folder) : `${scope}/${basename(folder)}`
}

/** What the program itself is part of is nobody's SDK, even where it is called like one, unless it has been installed. */
function packageOfProgram(): InstalledPackage | undefined {
  const entry = process.argv[1]
  if (entry === undefined) return undefined
  const file = existsSync(entry) ? realpathSync(entry) : resolve(entry)
  return isInstalled(file) ? undefined : packageOf(dirname(file))
}

const isInstalled = (file: string): boolean => file.includes(`${sep}node_modules${sep}`)
