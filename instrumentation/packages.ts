import { readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** One installed copy of a package. */
export interface InstalledPackage {
  name: string
  version: string
  /** Its folder, without symbolic links where the loader follows them. */
  folder: string
  manifest: Manifest
}

export interface Manifest {
  name?: unknown
  version?: unknown
  main?: unknown
  module?: unknown
  exports?: unknown
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

const byFolder = new Map<string, InstalledPackage | undefined>()

/** The package that a folder belongs to. A package.json without a name, beside a build, is not that of a package. */
export function packageOf(folder: string): InstalledPackage | undefined {
  if (byFolder.has(folder)) return byFolder.get(folder)
  const above = dirname(folder)
  // A package ends at node_modules: what lies above it is whoever installed it.
  const isBorder = above === folder || basename(folder) === 'node_modules'
  const found = packageIn(folder) ?? (isBorder ? undefined : packageOf(above))
  byFolder.set(folder, found)
  return found
}

function packageIn(folder: string): InstalledPackage | undefined {
  const manifest = readManifest(folder)
  if (typeof manifest?.name !== 'string') return undefined
  const version = typeof manifest.version === 'string' ? manifest.version : ''
  return { name: manifest.name, version, folder, manifest }
}

export function readManifest(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  } catch {
    return undefined
  }
}

/** The copy that code in `folder` gets when it asks for a package by this name. */
export function findPackage(name: string, folder: string): InstalledPackage | undefined {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const place = join(at, 'node_modules', name)
    if (readManifest(place) !== undefined) return packageIn(realpathSync(place))
    if (dirname(at) === at) return undefined
  }
}

/**
 * The copies of a package that a program in `folder` has: its own, and those of the packages that its package.json
 * lists, which package managers may keep apart.
 */
export function copiesOf(name: string, folder: string): InstalledPackage[] {
  const own = findPackage(name, folder)
  const owner = ownerOf(folder)
  const direct = Object.keys({ ...owner?.manifest.dependencies, ...owner?.manifest.optionalDependencies })
  const through = direct.flatMap((dependency) => {
    const place = findPackage(dependency, folder)?.folder
    return place === undefined ? [] : (findPackage(name, place) ?? [])
  })
  const copies = new Map([...(own ? [own] : []), ...through].map((one) => [one.folder, one]))
  return [...copies.values()]
}

/** Whose package.json lists what the program needs: the next one upwards, whether it has a name or not. */
function ownerOf(folder: string): { manifest: Manifest } | undefined {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const manifest = readManifest(at)
    if (manifest !== undefined) return { manifest }
    if (dirname(at) === at) return undefined
  }
}

/** `@scope/name/path` → `@scope/name`. */
export const packageNameIn = (specifier: string): string =>
  specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
