import { isBuiltin } from 'node:module'
import { refusalOf, testedVersions } from './coverage.ts'
import type { Instrumentation } from './instrumentation.ts'
import { copiesOf, type InstalledPackage } from './packages.ts'
import type { Selection } from './selection.ts'
import { isWithin } from './versions.ts'

/** A package that an instrumentation is for, as it lies before the program in `folder`. */
export interface Found {
  instrumentation: Instrumentation
  package: InstalledPackage
  tested: string
  isTested: boolean
}

/** The packages of these instrumentations that a program in `folder` has. Nothing is loaded. */
export function findPackages(instrumentations: readonly Instrumentation[], folder: string): Found[] {
  return instrumentations.flatMap((instrumentation) =>
    Object.keys(instrumentation.packages).flatMap((name) =>
      copiesOf(name, folder).map((found) => {
        const tested = testedVersions(instrumentation, found.name)
        return {
          instrumentation,
          package: found,
          tested: tested ?? 'under another name',
          isTested: tested !== undefined && isWithin(found.version, tested),
        }
      }),
    ),
  )
}

/**
 * What of a program is controlled, and what is not, on one line. Throws where a package lies there in a version that
 * was not tested and such are refused.
 */
export function startLine({ active, switchedOff, unsupported }: Selection, folder: string): string {
  const found = findPackages(active, folder)
  const untested = found.filter(({ isTested }) => !isTested)
  if (unsupported === 'refuse' && untested.length > 0)
    throw new Error(
      `Holdpoint does not start this agent:\n${untested.map((one) => `  - ${refusalOf(one.package, one.tested)}`).join('\n')}`,
    )
  const tested = found.filter(({ isTested }) => isTested)
  const covered = active.flatMap((one) => {
    const packages = tested.filter(({ instrumentation }) => instrumentation === one).map(versionOf)
    if (packages.length > 0) return `${one.name} (${[...new Set(packages)].join(', ')})`
    return one.specifiers.some((specifier) => isBuiltin(specifier)) || one.patchGlobals ? one.name : []
  })
  return [
    `holdpoint: under the gate: ${covered.join(', ') || 'hold() alone, no known package was found'}`,
    ...listed(
      'not tested in this version',
      untested.map((one) => `${versionOf(one)} (tested: ${one.tested})`),
    ),
    ...listed(
      'NOT under the gate, switched off',
      switchedOff.map(({ name }) => name),
    ),
  ].join('; ')
}

const versionOf = ({ package: { name, version } }: Found): string => `${name} ${version}`

const listed = (label: string, all: readonly string[]): string[] =>
  all.length > 0 ? [`${label}: ${[...new Set(all)].join(', ')}`] : []
