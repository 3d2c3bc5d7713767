import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** `holdpoint broker` on a house's data folder, once it is ready; `more` is added to its environment. */
export async function spawnBroker(
  dataDir: string,
  natsUrl: string,
  more: Record<string, string> = {},
): Promise<ChildProcess> {
  const program = fileURLToPath(new URL('../../src/main/holdpoint.ts', import.meta.url))
  // Several run side by side.
  const ports = { HOLDPOINT_METRICS_PORT: '0' }
  const env = { ...process.env, ...ports, HOLDPOINT_DATA_DIR: dataDir, HOLDPOINT_NATS_URL: natsUrl, ...more }
  const child = spawn(process.execPath, [program, 'broker'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const lines = createInterface({ input: child.stderr as NodeJS.ReadableStream })
  const seen: string[] = []
  for await (const line of lines) {
    seen.push(line)
    if (!line.includes('the broker is ready')) continue
    // Whoever no longer reads a pipe stops whoever writes to it.
    child.stderr?.resume()
    return child
  }
  throw new Error(`the broker did not start:\n${seen.join('\n')}`)
}

/** Ends a child in order, and waits for it. */
export async function endOf(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}
