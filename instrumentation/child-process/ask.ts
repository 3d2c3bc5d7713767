/**
 * Stands in for a program that somebody blocks for: their own gate cannot wait, so this process asks in their place,
 * as the same agent, and runs the program when it is released. Its streams and its end are the program's.
 */
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { createGate } from '#gate'
import { readEnvironment } from '../environment.ts'
import { createTracing } from '../tracing.ts'
import { type End, endAs, failureIn, PASSED, REFUSED, runBeside, say } from './program.ts'
import { type Asked, takeAsked } from './wait-sync.ts'

const WITHIN_MS = 3_000

const { attempt, program, streams, parent } = takeAsked(process.env)
const config = readEnvironment(process.env)
const tracing = createTracing(config.serviceName)
const gate = createGate(config, { now: Date.now, tracer: tracing.tracer })
const given = new AbortController()
let ended: End = { code: REFUSED, signal: null }
const giveUp = (signal: NodeJS.Signals) => {
  ended = { code: null, signal }
  given.abort()
}
for (const signal of PASSED) process.on(signal, giveUp)

await gate.start()
const held = await context.with(contextOf(parent), () =>
  gate.hold<End>({ ...attempt, signal: given.signal, failureIn: (end) => failureIn(end as End) }, run),
)
if (held.ran) ended = held.value
else if (ended.signal === null) say(2, held.refusal.message)
await Promise.allSettled([gate.flush(WITHIN_MS), tracing.flush()])
await gate.stop()
for (const signal of PASSED) process.off(signal, giveUp)
endAs(ended.code, ended.signal)

function run(): Promise<End> {
  for (const signal of PASSED) process.off(signal, giveUp)
  return new Promise((resolve) => {
    runBeside(program, streams, {
      onEnd: resolve,
      onFailure(message, code) {
        say(2, message)
        resolve({ code, signal: null })
      },
    })
  })
}

/** The span of whoever blocks stands above ours. */
function contextOf(above: Asked['parent']) {
  return above === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...above, isRemote: true })
}
