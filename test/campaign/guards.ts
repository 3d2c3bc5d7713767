import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createRandom } from '../support/random.ts'
import type { RunOptions } from '../support/runner.ts'
import { guards } from './attacks.ts'

export const summary =
  'The control of the attacks: each guard is taken away in turn, and an attack has to get through.'

/** All guards of the attacks, or `n` of them. A guard that nothing needs is either no guard, or is not attacked. */
export async function run({ n = guards.length, seed, say }: RunOptions): Promise<Record<string, unknown>> {
  const random = createRandom(seed)
  const chosen = guards
    .map((guard) => ({ guard, weight: random() }))
    .sort((one, other) => one.weight - other.weight)
  const idle: string[] = []
  for (const { guard } of chosen.slice(0, n)) {
    const args = [join(import.meta.dirname, 'run.ts'), 'attacks', '--without', guard.name]
    const child = spawn(process.execPath, args, { stdio: 'ignore' })
    const [code] = (await once(child, 'exit')) as [number | null]
    if (code === 1) continue
    idle.push(guard.name)
    say(`${guard.name}: without it every attack is still refused (exit code ${code})`)
  }
  return { n: Math.min(n, guards.length), violations: idle.length, ...(idle.length > 0 ? { idle } : {}) }
}
