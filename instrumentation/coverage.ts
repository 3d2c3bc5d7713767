import type { Gate } from '#gate'
import { collectGated, type Instrumentation, type Loaded } from './instrumentation.ts'
import { isWithin } from './versions.ts'

/** One module that has been put under the gate. */
export interface Covered extends Loaded {
  instrumentation: string
  /** Whether this version is one of those that were tested. */
  isTested: boolean
  /** What of it is gated: `Runner.run`. */
  gated: string[]
}

export interface Coverage {
  /** Throws where this version cannot be controlled, or must not be used because nobody has tested it. */
  patch(instrumentation: Instrumentation, exports: Record<string, unknown>, gate: Gate, loaded: Loaded): void
  readonly covered: readonly Covered[]
}

export interface CoverageConfig {
  /** `refuse`: a version that was not tested is not loaded at all. */
  unsupported: 'report' | 'refuse'
}

/** Keeps account of what stands under the gate; `report` is told of each copy in a version that was not tested. */
export function createCoverage(
  { unsupported }: CoverageConfig,
  report: (found: Loaded['package'] & object, tested: string) => void,
): Coverage {
  const covered: Covered[] = []
  const reported = new Set<string>()

  function check(instrumentation: Instrumentation, { package: found }: Loaded): boolean {
    if (found === undefined) return true
    const tested = testedVersions(instrumentation, found.name)
    if (tested !== undefined && isWithin(found.version, tested)) return true
    if (unsupported === 'refuse') throw new Error(`holdpoint: ${refusalOf(found, tested)}`)
    if (!reported.has(found.folder)) report(found, tested ?? 'under another name')
    reported.add(found.folder)
    return false
  }

  return {
    covered,
    patch(instrumentation, exports, gate, loaded) {
      const isTested = check(instrumentation, loaded)
      try {
        const gated = collectGated(() => instrumentation.patch(exports, gate, loaded))
        covered.push({ ...loaded, instrumentation: instrumentation.name, isTested, gated })
      } catch (cause) {
        throw new Error(`holdpoint: ${cannot(instrumentation, loaded)}: ${(cause as Error).message}`, {
          cause,
        })
      }
    },
  }
}

/** The range for a package, by the name it gives itself. */
export const testedVersions = ({ packages }: Instrumentation, name: string): string | undefined =>
  Object.hasOwn(packages, name) ? packages[name] : undefined

export const refusalOf = (
  { name, version }: { name: string; version: string },
  tested: string | undefined,
): string =>
  `${name} ${version} was not tested (${tested ?? 'under another name'}), and HOLDPOINT_UNSUPPORTED is refuse`

const cannot = ({ name }: Instrumentation, { specifier, package: found }: Loaded): string =>
  `${found === undefined ? specifier : `${found.name} ${found.version} in ${found.folder}`} cannot be put under the gate, so it is not loaded (HOLDPOINT_DISABLED_INSTRUMENTATIONS=${name} would load it uncontrolled)`
