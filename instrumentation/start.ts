import { dirname } from 'node:path'
import { createGate, type Gate } from '#gate'
import { type Coverage, createCoverage } from './coverage.ts'
import { readEnvironment } from './environment.ts'
import { installHooks } from './hooks.ts'
import type { Instrumentation } from './instrumentation.ts'
import { finishAtProcessEnd } from './process-end.ts'
import { useGate } from './process-gate.ts'
import { say } from './say.ts'
import { select } from './selection.ts'
import { startLine } from './start-line.ts'
import { createTracing, type Tracing } from './tracing.ts'
import { followIntoWorkers } from './workers.ts'

interface Started {
  gate: Gate
  coverage: Coverage
  tracing: Tracing
}

let started: Started | undefined

/**
 * Puts this process under the gate, as its environment says, once: whoever asks again gets the same. Throws where
 * something is missing or wrong; nothing has been patched then.
 */
export function startProcess(instrumentations: readonly Instrumentation[]): Started {
  if (started !== undefined) return started
  const config = readEnvironment(process.env)
  const selection = select(instrumentations, process.env)
  const { active, unsupported, isSilent } = selection
  const line = startLine(selection, programFolder())
  const speak = isSilent ? () => {} : say
  const coverage = createCoverage({ unsupported }, ({ name, version, folder }, tested) => {
    // What the first line has named need not be said again.
    if (!line.includes(`${name} ${version} (tested`))
      speak(`holdpoint: ${name} ${version} in ${folder} was not tested (tested: ${tested})`)
  })
  const tracing = createTracing(config.serviceName)
  const gate = createGate(config, { now: Date.now, tracer: tracing.tracer })
  installHooks(active, gate, coverage)
  followIntoWorkers(process.env)
  useGate(gate)
  finishAtProcessEnd(gate, tracing)
  // Beside the program's work, not before its first line: an action that comes sooner waits for the broker as any other.
  setImmediate(() => void gate.start())
  speak(line)
  started = { gate, coverage, tracing }
  return started
}

/** Where the program's packages are looked for; with `node -e` there is no file. */
const programFolder = (): string => (process.argv[1] === undefined ? process.cwd() : dirname(process.argv[1]))
