import { createRequire, isBuiltin, registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Gate } from '#gate'
import { type Covered, createCoverage } from './coverage.ts'
import { installHooks } from './hooks.ts'
import { instrumentations } from './index.ts'
import { findPackage, packageNameIn } from './packages.ts'
import { select } from './selection.ts'
import { type Found, findPackages } from './start-line.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What a program would have under the gate, found by loading its packages without the program itself. */
export interface Inspection {
  /** The agent's package, as the program would find it. */
  own?: { version: string; folder: string }
  packages: InspectedPackage[]
  /** Node's own modules. */
  builtins: { instrumentation: string; specifier: string; gated: string[] }[]
  switchedOff: string[]
  /** Names of all packages that would be put under the gate. */
  known: string[]
}

export interface InspectedPackage {
  instrumentation: string
  name: string
  version: string
  folder: string
  /** The versions that were tested. */
  tested: string
  isTested: boolean
  /** What is gated in each of its copies: `{ esm: ['Client.callTool'] }`. */
  gated: { esm?: string[]; cjs?: string[] }
  failures: string[]
}

/** It changes the process that it runs in: one of its own is needed. */
export async function inspect(folder: string, env: Environment): Promise<Inspection> {
  const { active, switchedOff } = select(instrumentations, env)
  const coverage = createCoverage({ unsupported: 'report' }, () => {})
  // Nothing is called in this process: modules are loaded, and that is all.
  installHooks(active, {} as Gate, coverage)
  const found = findPackages(active, folder)
  const importFrom = createImporter()
  const packages: InspectedPackage[] = []
  for (const one of found) {
    const failures = await load(one, importFrom)
    packages.push({ ...describe(one, coverage.covered), failures: [...new Set(failures)] })
  }
  const own = findPackage('@holdpoint/instrumentation', folder)
  return {
    ...(own === undefined ? {} : { own: { version: own.version, folder: own.folder } }),
    packages,
    builtins: coverage.covered.flatMap(({ format, instrumentation, specifier, gated }) =>
      format === 'builtin' ? { instrumentation, specifier, gated } : [],
    ),
    switchedOff: switchedOff.map(({ name }) => name),
    known: [...new Set(instrumentations.flatMap(({ packages: names }) => Object.keys(names)))],
  }
}

type ImportFrom = (specifier: string, parent: string) => Promise<unknown>

/** `import()` as if from another file: what a specifier leads to depends on who asks. */
function createImporter(): ImportFrom {
  let asked = { specifier: '', parentURL: '' }
  registerHooks({
    resolve(specifier, context, next) {
      if (context.parentURL !== import.meta.url || !specifier.startsWith('./inspected.'))
        return next(specifier, context)
      return next(asked.specifier, { ...context, parentURL: asked.parentURL })
    },
  })
  return (specifier, parent) => {
    asked = { specifier, parentURL: pathToFileURL(parent).href }
    // @ts-expect-error: there is no such file; the hook above knows which one is meant.
    return import('./inspected.ts')
  }
}

/** Loads every module of a package that is to be patched, both ways; resolves to what stood in the way. */
async function load({ instrumentation, package: found }: Found, importFrom: ImportFrom): Promise<string[]> {
  const failures: string[] = []
  const attempt = async (run: () => unknown): Promise<void> => {
    try {
      await run()
    } catch (error) {
      if (!isAbsence(error)) failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  const from = join(found.folder, 'package.json')
  const isOf = (specifier: string): boolean =>
    !isBuiltin(specifier) && packageNameIn(specifier) === found.name
  for (const specifier of instrumentation.specifiers.filter(isOf)) {
    await attempt(() => importFrom(specifier, from))
    await attempt(() => createRequire(from)(specifier))
  }
  return failures
}

/** This version has no such module; what it has was loaded. */
const isAbsence = (error: unknown): boolean =>
  [
    'MODULE_NOT_FOUND',
    'ERR_MODULE_NOT_FOUND',
    'ERR_PACKAGE_PATH_NOT_EXPORTED',
    'ERR_UNSUPPORTED_DIR_IMPORT',
  ].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '')

function describe(
  { instrumentation: { name: instrumentation }, package: found, tested, isTested }: Found,
  covered: readonly Covered[],
): Omit<InspectedPackage, 'failures'> {
  const gated: InspectedPackage['gated'] = {}
  for (const one of covered)
    if (
      one.instrumentation === instrumentation &&
      one.package?.folder === found.folder &&
      one.format !== 'builtin'
    )
      gated[one.format] = [...new Set([...(gated[one.format] ?? []), ...one.gated])]
  const { name, version, folder } = found
  return { instrumentation, name, version, folder, tested, isTested, gated }
}
