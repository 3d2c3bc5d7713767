import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { pause } from './pause.ts'

const STOPPED = 'T'

/**
 * Stops a process until somebody sends it SIGCONT. The signal alone is not enough: on a busy machine its threads run on
 * until the one that was chosen for it gets its turn. Resolves when all stand still, where the system says so (Linux).
 */
export async function standStill(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  while (statesOf(pid).some((state) => state !== STOPPED)) await pause(1)
}

function statesOf(pid: number): string[] {
  const threads = `/proc/${pid}/task`
  if (!existsSync(threads)) return []
  return readdirSync(threads).map((thread) => stateOf(`${threads}/${thread}/stat`))
}

/** Behind the name, which stands in brackets and may hold some itself. */
function stateOf(file: string): string {
  try {
    const stat = readFileSync(file, 'utf8')
    return stat.charAt(stat.lastIndexOf(')') + 2)
  } catch {
    // It has ended meanwhile.
    return STOPPED
  }
}
