import { fork } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { dirname, extname, join, resolve } from 'node:path'
import { HoldpointError } from '#contract'
import type { InspectedPackage, Inspection } from '#instrumentation/inspect'
import { complaint, type Finding, ok } from './finding.ts'

const WITHIN_MS = 60_000
const HOW = 'docs/instrumentation.md'

export interface AppReport {
  findings: Finding[]
  inspection: Inspection
}

/**
 * What of a program would be under the gate: its packages are loaded, the program itself is not run. Throws
 * INVALID_INPUT where there is no such file.
 */
export async function examineApp(entry: string, cwd: string, env: NodeJS.ProcessEnv): Promise<AppReport> {
  const file = resolve(cwd, entry)
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new HoldpointError(
      'INVALID_INPUT',
      `--app is ${entry}: there is no such file, expected the one that Node is started with`,
    )
  const inspection = await inspectApart(dirname(file), env)
  return {
    inspection,
    findings: [
      ownPackage(inspection),
      ...inspection.packages.map(packageFinding),
      ...inspection.builtins.map(({ instrumentation, specifier, gated }) =>
        ok(instrumentation, `${specifier}: ${gated.join(', ')}`),
      ),
      ...inspection.switchedOff.map(switchedOffFinding),
      ...noneFound(inspection),
      ...bundled(file, inspection),
    ],
  }
}

function inspectApart(folder: string, env: NodeJS.ProcessEnv): Promise<Inspection> {
  const program = join(import.meta.dirname, `inspect-child${extname(import.meta.filename)}`)
  // Telemetry of the frameworks themselves must not start here.
  const child = fork(program, [folder], {
    cwd: folder,
    env: { ...env, NODE_OPTIONS: '', OTEL_SDK_DISABLED: 'true' },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: WITHIN_MS,
  })
  let stderr = ''
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  return new Promise((done, fail) => {
    child.once('message', (inspection) => done(inspection as Inspection))
    child.once('error', fail)
    child.once('close', (code, signal) =>
      fail(
        new HoldpointError(
          'INTERNAL',
          `the packages cannot be loaded (${signal ?? `exit code ${code}`}):\n${stderr.trim()}`,
        ),
      ),
    )
  })
}

function ownPackage({ own }: Inspection): Finding {
  const check = '@holdpoint/instrumentation'
  if (own !== undefined) return ok(check, `${own.version} in ${own.folder}`)
  return complaint(check, {
    what: 'is not installed where the program would look for it',
    why: 'nothing of this program is under the gate',
    mend: `npm install @holdpoint/instrumentation, then start it by node --import @holdpoint/instrumentation/register (${HOW})`,
  })
}

function packageFinding({
  instrumentation,
  name,
  version,
  tested,
  isTested,
  gated,
  failures,
}: InspectedPackage): Finding {
  const copies = Object.entries(gated).map(([format, methods]) => `${methods.join(', ')} (${format})`)
  if (failures.length > 0 || copies.length === 0)
    return complaint(instrumentation, {
      what: `${name} ${version} cannot be put under the gate: ${failures.join('; ') || 'it has none of the modules that are patched'}`,
      why: 'a program that loads it is stopped, or acts without the gate',
      mend: `install ${name} ${tested}, or hold its actions yourself by guard() or hold() (${HOW})`,
    })
  if (!isTested)
    return complaint(instrumentation, {
      what: `${name} ${version} was not tested (tested: ${tested}); ${copies.join('; ')} would be patched`,
      why: 'what has the same methods may come to its tools by other ways',
      mend: `install ${name} ${tested}; HOLDPOINT_UNSUPPORTED=refuse keeps a program from starting with another`,
    })
  return ok(instrumentation, `${name} ${version}: ${copies.join('; ')}`)
}

const switchedOffFinding = (name: string): Finding =>
  complaint(name, {
    level: 'warning',
    what: 'is switched off by the environment of this command',
    why: 'what it would hold runs without a word',
    mend: 'take it out of HOLDPOINT_DISABLED_INSTRUMENTATIONS, or put it into HOLDPOINT_ENABLED_INSTRUMENTATIONS',
  })

function noneFound({ packages }: Inspection): Finding[] {
  if (packages.length > 0) return []
  return [
    complaint('frameworks', {
      level: 'warning',
      what: 'none of the packages that are known lies before this program',
      why: 'its actions are held only where it says so itself',
      mend: `hold them by hold() or guard() (${HOW})`,
    }),
  ]
}

/** What bundlers leave behind where they do not minify: the paths of what they have taken in. */
function bundled(file: string, { known }: Inspection): Finding[] {
  const text = readFileSync(file, 'utf8')
  const inside = known.filter((name) => text.includes(`node_modules/${name}/`))
  if (inside.length === 0) return []
  return [
    complaint('bundle', {
      what: `${file} has the code of ${inside.join(', ')} in itself`,
      why: 'what is not loaded as a package is seen by no hook',
      mend: `leave these packages out of the bundle (external, serverExternalPackages), or hold by guard() (${HOW})`,
    }),
  ]
}
