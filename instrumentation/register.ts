/**
 * `node --import @holdpoint/instrumentation/register app.js` puts an agent under control. It runs before the
 * program's first import, and stops the start where something is missing: an agent that nobody controls must not
 * start as if somebody did.
 */
import { instrumentations } from './index.ts'
import { startProcess } from './start.ts'

startProcess(instrumentations)
