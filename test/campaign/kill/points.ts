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

/**
 * The process ends at this point when it comes by for the `pass`th time: before the awaited call is made, or `afterMs`
 * after it was, while its answer is on the way.
 */
export function killAt({ file, occurrence }: KillPoint, pass: number, afterMs: number | undefined): Edit {
  const die = 'globalThis.process.kill(globalThis.process.pid, "SIGKILL")'
  const then = afterMs === undefined ? die : `globalThis.setTimeout(() => ${die}, ${afterMs})`
  const count = '(globalThis.passes = (globalThis.passes ?? 0) + 1)'
  return {
    file,
    find: 'await ',
    occurrence,
    replace: `await (${count} === ${pass} && ${then}, false) || await `,
  }
}
