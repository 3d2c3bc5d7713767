import { pause } from '../../support/pause.ts'
import { startPipelineHouse } from '../../support/pipeline-house.ts'
import type { Pipeline } from '../../support/pipeline-process.ts'
import { createRandom } from '../../support/random.ts'
import { drained } from './drained.ts'
import { createFaults } from './faults.ts'
import { createActions } from './gated.ts'
import { judge } from './judge.ts'
import { type Load, startLoad } from './load.ts'
import { createPoison } from './poison.ts'
import { QUICKER, TAKEOVER_MS } from './quicker.ts'

const PIPELINES = ['pipeline A', 'pipeline B']
const GOES_ON_WITHIN_MS = 60_000
const POISON_EVERY = 5
/** Fewer where little goes wrong: each of them sends as fast as it is answered. */
const MOST_SENDERS = 6

export interface PipelineCampaign {
  cycles: number
  seed: number
  /** Which faults, by what is said about them; preset: all. */
  only?: RegExp
  say(line: string): void
}

/** Under one and the same load, in each cycle one process or two are killed or paused; in the end everything is counted. */
export async function campaign({ cycles, seed, only = /./, say }: PipelineCampaign) {
  const random = createRandom(seed)
  const scene = await startPipelineHouse(PIPELINES.map((name) => ({ name, edits: QUICKER })))
  const { house, store, pipelines } = scene
  let load: Load | undefined
  try {
    const nc = await house.connect('broker')
    const actions = createActions(nc, Date.now)
    const poison = await createPoison(house)
    const faults = createFaults(scene, { random, takeoverMs: TAKEOVER_MS, only })
    const problems: string[] = []
    const happened: Record<string, number> = {}

    const endpoints = pipelines.map(({ endpoint }) => endpoint)
    load = startLoad({ endpoints, actions, seed, senders: Math.min(MOST_SENDERS, 1 + cycles) })
    for (let cycle = 1; cycle <= cycles; cycle++) {
      await pause(random() * 300)
      const now = faults.next()
      if (cycle % POISON_EVERY === 1) await poison.put()
      await Promise.all(now.map((fault) => fault.happen()))
      for (const { kind } of now) happened[kind] = (happened[kind] ?? 0) + 1
      const before = load.acknowledged.length
      const about = now.map((fault) => fault.about).join(', and ')
      if (!(await goesOn(load, pipelines, before)))
        problems.push(`nothing went on after ${about}`, ...pipelines.map(lastWordsOf))
      say(`${cycle}: ${about}; ${load.acknowledged.length} requests acknowledged`)
    }
    await load.finish()
    say('every request has been acknowledged')
    const left = await drained(house)
    if (left !== undefined) problems.push(left, ...pipelines.map(lastWordsOf))
    problems.push(...load.problems, ...pipelines.flatMap(({ endedByThemselves }) => endedByThemselves))
    problems.push(...(await judge(store.store, { acknowledged: load.acknowledged, ...actions })))
    problems.push(...(await poison.check()))

    const items = load.acknowledged.reduce((all, request) => all + request.items, 0)
    return {
      n: cycles,
      violations: problems.length,
      requests: load.acknowledged.length,
      items,
      actions: actions.expected.length,
      sentAgain: load.sentAgain(),
      poisoned: poison.count(),
      ...happened,
      diedAtAwaits: pipelines.reduce((all, pipeline) => all + pipeline.reached(), 0),
      ...(problems.length > 0 ? { first: problems.slice(0, 8) } : {}),
    }
  } finally {
    await load?.finish()
    await scene.stop()
  }
}

const lastWordsOf = ({ name, isReady, lastWords }: Pipeline): string =>
  `${name}, ${isReady() ? 'ready' : 'not ready'}, said: ${lastWords()}`

/** Everybody is up again, and since then something was acknowledged. */
async function goesOn(load: Load, pipelines: readonly Pipeline[], before: number): Promise<boolean> {
  const giveUpAt = performance.now() + GOES_ON_WITHIN_MS
  while (load.acknowledged.length === before || !pipelines.every((pipeline) => pipeline.isReady())) {
    if (performance.now() > giveUpAt) return false
    await pause(20)
  }
  return true
}
