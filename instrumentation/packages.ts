import { existsSync, readFileSync, realpathSync } from 'node:fs'
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

function readManifest(folder: string): Manifest | undefined {
  const file = join(folder, 'package.json')
  // Most folders of a package have none, and an error for each of them is a good part of a start.
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Manifest
  } catch {
    return undefined
  }
}

/** The copy that code in `folder` gets when it asks for a package by this name. */
export function findPackage(name: string, folder: string): InstalledPackage | undefined {
  for (const modules of modulesSeenFrom(resolve(folder))) {
    const found = installedIn(join(modules, name))
    if (found !== undefined) return found
  }
  return undefined
}

const installed = new Map<string, InstalledPackage | undefined>()

function installedIn(place: string): InstalledPackage | undefined {
  if (!installed.has(place))
    installed.set(place, existsSync(place) ? packageIn(realpathSync(place)) : undefined)
  return installed.get(place)
}

const seenFrom = new Map<string, readonly string[]>()

/** The folders in which Node looks for packages, the nearest first; hundreds of packages see the same few. */
function modulesSeenFrom(folder: string): readonly string[] {
  const known = seenFrom.get(folder)
  if (known !== undefined) return known
  const above = dirname(folder) === folder ? [] : modulesSeenFrom(dirname(folder))
  const here = join(folder, 'node_modules')
  const all = basename(folder) !== 'node_modules' && existsSync(here) ? [here, ...above] : above
  seenFrom.set(folder, all)
  return all
}

/**
 * The copies of a package that a program in `folder` has: its own, and those of the packages that its package.json
 * lists, which package managers may keep apart.
 */
export function copiesOf(name: string, folder: string): InstalledPackage[] {
  const copies = [folder, ...dependenciesOf(folder)].flatMap((from) => findPackage(name, from) ?? [])
  return [...new Map(copies.map((one) => [one.folder, one])).values()]
}

const dependenciesOfFolders = new Map<string, readonly string[]>()

/** Where the packages lie that a program in `folder` lists. What they say of themselves is not read: there are many. */
function dependenciesOf(folder: string): readonly string[] {
  const known = dependenciesOfFolders.get(folder)
  if (known !== undefined) return known
  const { dependencies, optionalDependencies } = ownerOf(folder) ?? {}
  const seen = modulesSeenFrom(resolve(folder))
  const found = Object.keys({ ...dependencies, ...optionalDependencies }).flatMap((name) => {
    const place = seen.map((modules) => join(modules, name)).find((one) => existsSync(one))
    return place === undefined ? [] : realpathSync.native(place)
  })
  dependenciesOfFolders.set(folder, found)
  return found
}

const owners = new Map<string, Manifest | undefined>()

/** The package.json that lists what a program needs: the next one upwards, whether it has a name or not. */
function ownerOf(folder: string): Manifest | undefined {
  if (owners.has(folder)) return owners.get(folder)
  const above = dirname(folder)
  const found = readManifest(folder) ?? (above === folder ? undefined : ownerOf(above))
  owners.set(folder, found)
  return found
}

/** `@scope/name/path` → `@scope/name`. */
export const packageNameIn = (specifier: string): string =>
  specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
