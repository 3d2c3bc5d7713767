import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { HoldpointError } from '#contract'
import { packageIn } from './imports.ts'
import type { Package } from './packages.ts'

type Names = Record<string, string>

/** The clone's own manifest, as far as it is passed on. */
export interface RootManifest {
  version: string
  description: string
  license: string
  imports: Names
  dependencies: Names
  devDependencies: Names
}

/** The manifest of one package: what it depends on is what its code imports, in the versions of the clone. */
export function manifestOf(pack: Package, root: string, clone: RootManifest, imports: Set<string>): object {
  const declared = [...Object.keys(pack.peers), ...pack.optionalPeers]
  const needed = [...imports].flatMap(packageIn).filter((name) => !declared.includes(name))
  const version = (name: string): string => {
    const range = clone.dependencies[name] ?? clone.devDependencies[name]
    if (range) return range
    throw new HoldpointError('INTERNAL', `${pack.name} imports ${name}, which package.json does not list`)
  }
  const versions = (names: readonly string[]): Names =>
    Object.fromEntries([...new Set(names)].sort().map((name) => [name, version(name)]))

  return {
    name: pack.name,
    version: clone.version,
    description: pack.description ?? clone.description,
    license: clone.license,
    type: 'module',
    engines: { node: pack.node },
    ...(Object.keys(pack.bin).length > 0 ? { bin: compiledAll(pack.bin) } : {}),
    exports: Object.fromEntries(
      Object.entries(pack.exports).map(([path, file]) => [
        path,
        { types: `./${compiled(file, '.d.ts')}`, default: `./${compiled(file, '.js')}` },
      ]),
    ),
    // In one file there are no doors any more; those that are left, the types go through.
    imports: doors(clone.imports, imports, pack.apart === undefined ? '.js' : '.d.ts'),
    dependencies: versions(withTheirPeers(root, needed, declared)),
    ...(declared.length > 0
      ? {
          peerDependencies: { ...widened(versions(pack.optionalPeers)), ...pack.peers },
          peerDependenciesMeta: Object.fromEntries(
            pack.optionalPeers.map((name) => [name, { optional: true }]),
          ),
        }
      : {}),
  }
}

/** The doors that are opened, and no other. */
const doors = (all: Names, imports: Set<string>, extension: string): Names =>
  compiledAll(Object.fromEntries(Object.entries(all).filter(([door]) => imports.has(door))), extension)

/** What our dependencies expect beside themselves: not every package manager brings it unasked. */
function withTheirPeers(root: string, names: readonly string[], declared: readonly string[]): string[] {
  const all = new Set(names)
  for (const name of all) {
    const text = readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')
    const { peerDependencies = {}, peerDependenciesMeta = {} } = JSON.parse(text)
    for (const peer of Object.keys(peerDependencies))
      if (!peerDependenciesMeta[peer]?.optional && !declared.includes(peer)) all.add(peer)
  }
  return [...all]
}

/** A caret before 0.x allows the patches of one minor version alone, and would refuse an application its next one. */
const widened = (ranges: Names): Names =>
  Object.fromEntries(Object.entries(ranges).map(([name, range]) => [name, range.replace(/^\^0\./, '>=0.')]))

const compiledAll = (files: Readonly<Names>, extension = '.js'): Names =>
  Object.fromEntries(Object.entries(files).map(([name, file]) => [name, compiled(file, extension)]))

export const compiled = (file: string, extension: string): string => file.replace(/\.ts$/, extension)
