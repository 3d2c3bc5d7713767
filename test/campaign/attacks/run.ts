import { setTimeout as pause } from 'node:timers/promises'
import { ATTACKS } from './all.ts'
import type { Attack } from './attack.ts'
import { createScenes, type Scenes } from './scenes.ts'

const WITHIN_MS = 20_000

/** All of them; with a guard taken away only those that it stands against, each of which then has to get through. */
export async function attack(options: {
  without: string | undefined
  most?: number
  say: (line: string) => void
}) {
  const chosen = ATTACKS.filter(
    ({ guard }) => options.without === undefined || guard.name === options.without,
  )
  const step = Math.max(1, Math.floor(chosen.length / (options.most ?? chosen.length)))
  const attacks = chosen.filter((_, index) => index % step === 0)
  const scenes = createScenes()
  const problems: { attack: string; enforcementPoint: string; guard: string; achieved: string }[] = []
  try {
    for (const one of attacks) {
      const achieved = await achievedBy(one, scenes)
      if (achieved === undefined) continue
      problems.push({
        attack: one.name,
        enforcementPoint: one.enforcementPoint,
        guard: one.guard.name,
        achieved,
      })
      options.say(`${one.enforcementPoint}: ${one.name}: ${achieved}`)
    }
  } finally {
    await scenes.stop()
  }
  return {
    n: attacks.length,
    violations: problems.length,
    threats: new Set(attacks.map(({ threat }) => threat)).size,
    byEnforcementPoint: countBy(attacks, ({ enforcementPoint }) => enforcementPoint),
    guards: new Set(attacks.map(({ guard }) => guard.name)).size,
    ...(problems.length > 0 ? { first: problems.slice(0, 5) } : {}),
  }
}

/** An attack that cannot be carried out at all has shown nothing, and counts as one that got through. */
async function achievedBy({ run }: Attack, scenes: Scenes): Promise<string | undefined> {
  const over = new AbortController()
  const isLate = lateFor(scenes, over.signal)
  try {
    return await Promise.race([run(scenes), isLate])
  } catch (error) {
    return `it broke: ${String(error)}`
  } finally {
    over.abort()
    await isLate
  }
}

/** Time in which a scene starts is not the attack's: on a busy machine that alone takes longer than any attack. */
async function lateFor(scenes: Scenes, over: AbortSignal): Promise<string> {
  for (let before = -1, now = 0; before !== now && !over.aborted; now = await scenes.started()) {
    before = await scenes.started()
    await pause(WITHIN_MS, undefined, { signal: over }).catch(() => {})
  }
  return `it is not over after ${WITHIN_MS} ms`
}

function countBy<T>(items: readonly T[], nameOf: (item: T) => string): Record<string, number> {
  const groups = Object.groupBy(items, nameOf)
  return Object.fromEntries(Object.entries(groups).map(([name, group]) => [name, group?.length ?? 0]))
}
