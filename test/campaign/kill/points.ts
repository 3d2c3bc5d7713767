import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Edit, ROOT } from '../../support/guards.ts'

/** One `await` of a running process. It dies right before it, or while it waits. */
export interface KillPoint {
  file: string
  line: number
  occurrence: number
}

/** Every `await` of a room, preset the broker's, but those of its commands; whoever adds one adds a kill. */
export function killPoints(pattern = 'src/broker/**/*.ts'): KillPoint[] {
  const files = globSync(pattern, { cwd: ROOT }).filter((file) => !/enrolment|command/.test(file))
  return files.sort().flatMap((file) => {
    const parts = readFileSync(join(ROOT, file), 'utf8').split('await ')
    let line = 1
    return parts.slice(0, -1).flatMap((before, occurrence) => {
      line += before.split('\n').length - 1
      const start = before.slice(before.lastIndexOf('\n') + 1)
      // What stands in a comment, the loops, of which the iterator is what waits, and operands of what binds closer.
      const isNone = /^\s*(\/\/|\/?\*)|(\?\?|[!&|+]) *$/.test(start) || start.endsWith('for ')
      return isNone ? [] : [{ file, line, occurrence }]
    })
  })
}

/** When exactly a process comes to its end. */
export interface Moment {
  point: KillPoint
  /** The how manieth time that a broker comes by, from 1. */
  pass: number
  /** Before the awaited call is made; or so long after it was, while its answer is on the way. */
  afterMs: number | undefined
}

/** At this moment the broker that runs it kills itself, or the process with this id. */
export function killAt({ point: { file, occurrence }, pass, afterMs }: Moment, victim?: number): Edit {
  // The victim may be dead already.
  const die = `(() => { try { globalThis.process.kill(${victim ?? 'globalThis.process.pid'}, "SIGKILL") } catch {} })()`
  const then = afterMs === undefined ? die : `globalThis.setTimeout(() => ${die}, ${afterMs})`
  const count = '(globalThis.passes = (globalThis.passes ?? 0) + 1)'
  return {
    file,
    find: 'await ',
    occurrence,
    replace: `await (${count} === ${pass} && ${then}, false) || await `,
  }
}
