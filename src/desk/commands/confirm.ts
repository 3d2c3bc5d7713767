import { createInterface } from 'node:readline/promises'
import type { Io } from '#runtime'

/** Nobody approves what they have not been shown: at a terminal it is asked after the card, elsewhere not at all. */
export async function isConfirmed(io: Io): Promise<boolean> {
  if (!io.stdin.isTTY) {
    io.stderr.write('Nobody is here to read this card: say --yes once a person has.\n')
    return false
  }
  const terminal = createInterface({ input: io.stdin, output: io.stderr })
  const answer = await new Promise<string>((resolve) => {
    // Ctrl-C, Ctrl-D, or a signal: an answer that was not given releases nothing.
    const none = (): void => resolve('\n')
    // Later, since an answer and the end of the input may come at once.
    terminal.once('close', () => setImmediate(none))
    terminal.question('Release this action? [y/N] ', { signal: io.signal }).then(resolve, none)
  }).finally(() => terminal.close())
  if (/^y(es)?$/i.test(answer.trim())) return true
  io.stderr.write(`${answer === '\n' ? '\n' : ''}Not released: it still waits for a decision.\n`)
  return false
}
