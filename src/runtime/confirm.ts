import { createInterface } from 'node:readline/promises'
import type { Io } from './command.ts'

/** What is asked, what is said where nobody can answer, and where the answer is no. */
export interface Question {
  asks: string
  nobody: string
  no: string
}

/** Asks at a terminal, on standard error; elsewhere nobody can say yes. */
export async function isConfirmed(io: Io, { asks, nobody, no }: Question): Promise<boolean> {
  if (!io.stdin.isTTY) {
    io.stderr.write(`${nobody}\n`)
    return false
  }
  const terminal = createInterface({ input: io.stdin, output: io.stderr })
  const answer = await new Promise<string>((resolve) => {
    // Ctrl-C, Ctrl-D, or a signal: an answer that was not given releases nothing.
    const none = (): void => resolve('\n')
    // Later, since an answer and the end of the input may come at once.
    terminal.once('close', () => setImmediate(none))
    terminal.question(`${asks} [y/N] `, { signal: io.signal }).then(resolve, none)
  }).finally(() => terminal.close())
  if (/^y(es)?$/i.test(answer.trim())) return true
  io.stderr.write(`${answer === '\n' ? '\n' : ''}${no}\n`)
  return false
}
