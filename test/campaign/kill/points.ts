import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Edit, ROOT } from '../../support/guards.ts'

/** One `await` of the running broker. A process dies right before it, or while it waits. */
export interface KillPoint {
  file: string
  line: number
  occurrence: number
}

/** Every `await` of the broker room but those of its commands; whoever adds one adds a kill. */
export function killPoints(): KillPoint[] {
  const files = globSync('src/broker/**/*.ts', { cwd: ROOT }).filter((file) => !file.includes('enrolment'))
  return files.sort().flatMap((file) => {
    const parts = readFileSync(join(ROOT, file), 'utf8').split('await ')
    let line = 1
    return parts.slice(0, -1).flatMap((before, occurrence) => {
      line += before.split('\n').length - 1
      const start = before.slice(before.lastIndexOf('\n') + 1)
      // What stands in a comment, and the loops, of which the iterator is what waits.
      return /^\s*(\/\/|\/?\*)/.test(start) || start.endsWith('for ') ? [] : [{ file, line, occurrence }]
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
