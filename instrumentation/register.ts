/**
 * `node --import @holdpoint/instrumentation/register app.js` puts an agent under control. It runs before the
 * program's first import, and stops the start where something is missing: an agent that nobody controls must not
 * start as if somebody did.
 */
import { createGate } from '#gate'
import { readEnvironment } from './environment.ts'
import { installHooks } from './hooks.ts'
import { instrumentations } from './index.ts'
import { finishAtProcessEnd } from './process-end.ts'
import { useGate } from './process-gate.ts'
import { startTracing } from './tracing.ts'

const config = readEnvironment(process.env)
const tracing = startTracing(config.serviceName)
const gate = createGate(config, { now: Date.now })
installHooks(instrumentations, gate)
useGate(gate)
finishAtProcessEnd(gate, tracing)
await gate.start()
