import { join } from 'node:path'
import type { InstalledPackage } from './packages.ts'

/**
 * Every file that `subpath` (`.` or `./client`) of a package may mean: for `import` and `require` and under whatever
 * other condition, since each of them is a copy with classes of its own. Files that are not there do no harm.
 */
export function entryFilesOf({ folder, manifest }: InstalledPackage, subpath: string): string[] {
  const { exports, main, module } = manifest
  const named = subpath === '.' ? [main, module].filter((one) => typeof one === 'string') : [subpath]
  const plain = [...named, ...(subpath === '.' ? ['index'] : [])].flatMap(withEndings)
  return [...targetsOf(exports, subpath), ...plain].map((path) => join(folder, path))
}

const ENDINGS = ['', '.js', '.mjs', '.cjs', '/index.js', '/index.mjs', '/index.cjs']
const withEndings = (path: string): string[] => ENDINGS.map((ending) => `${path}${ending}`)

/** https://nodejs.org/api/packages.html#package-entry-points */
function targetsOf(exports: unknown, subpath: string): string[] {
  if (!isSubpathMap(exports)) return subpath === '.' ? leavesOf(exports) : []
  if (Object.hasOwn(exports, subpath)) return leavesOf(exports[subpath])
  const matches = Object.keys(exports).flatMap((pattern) => {
    const [before = '', after] = pattern.split('*')
    const isMatch =
      after !== undefined &&
      subpath.length > before.length + after.length &&
      subpath.startsWith(before) &&
      subpath.endsWith(after)
    return isMatch
      ? { pattern, before, matched: subpath.slice(before.length, subpath.length - after.length) }
      : []
  })
  const best = matches.sort((a, b) => b.before.length - a.before.length).at(0)
  if (best === undefined) return []
  return leavesOf(exports[best.pattern]).map((target) => target.replaceAll('*', () => best.matched))
}

const isSubpathMap = (exports: unknown): exports is Record<string, unknown> =>
  typeof exports === 'object' && exports !== null && Object.keys(exports).some((key) => key.startsWith('.'))

/** The paths below all conditions. */
function leavesOf(target: unknown): string[] {
  if (typeof target === 'string') return [target]
  return typeof target === 'object' && target !== null ? Object.values(target).flatMap(leavesOf) : []
}
