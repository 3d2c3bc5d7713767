import type { Random } from '../random.ts'
import type { SpanText } from '../spans/span.ts'
import type { Call, Variant } from '../world/actions.ts'
import type { Agent } from '../world/agents.ts'
import { type Person, personOf } from '../world/people.ts'
import type { SeededPolicy } from '../world/policy.ts'
import { stepsOf } from './effects.ts'
import { modelTexts, runTexts, waitText } from './texts.ts'
import { type Course, courseOf, unaskedText } from './unasked.ts'

/** An agent as it acts under one policy: what it may draw from, and the texts of its spans, each made once. */
export interface Cast {
  agent: Agent
  policy: SeededPolicy
  users: readonly (Person | undefined)[]
  /** What it does, by what policy says of that; drawn by weight. Undefined where it does nothing of the kind. */
  draw(course: Course, random: Random): Deed | undefined
  runTexts(user: Person | undefined): ReturnType<typeof runTexts>
  modelTexts(isLast: boolean): ReturnType<typeof modelTexts>
  unaskedText(deed: Deed, user: Person | undefined, isFailing: boolean): SpanText
  steps(call: Call): SpanText[]
  waitText(call: Call): SpanText
}

/** One action that is attempted. */
export interface Deed {
  call: Call
  variant: Variant
}

export interface Casts {
  of(agent: Agent, policy: SeededPolicy): Cast
}

export function createCasts(): Casts {
  const ofPolicy = remember((policy: SeededPolicy) => remember((agent: Agent) => createCast(agent, policy)))
  return { of: (agent, policy) => ofPolicy(policy)(agent) }
}

function createCast(agent: Agent, policy: SeededPolicy): Cast {
  const deeds = agent.calls.flatMap((call) => call.variants.map((variant): Deed => ({ call, variant })))
  const byCourse = Map.groupBy(deeds, ({ call, variant }) => courseOf(policy, agent, call, variant))
  const weights = new Map(
    [...byCourse].map(([course, all]) => [course, all.map(({ call }) => call.weight / call.variants.length)]),
  )
  const users = agent.users.map(personOf)
  const model = [modelTexts(agent, false), modelTexts(agent, true)] as const
  const ofRun = remember((user: Person | undefined) => runTexts(agent, user))
  const steps = remember((call: Call) => stepsOf(agent, call))
  const waits = remember((call: Call) => waitText(agent, call))
  const unasked = remember(({ call, variant }: Deed) =>
    remember((user: Person | undefined) =>
      remember((isFailing: boolean) => unaskedText({ agent, call, variant, user, policy, isFailing })),
    ),
  )
  return {
    agent,
    policy,
    users: users.length === 0 ? [undefined] : users,
    draw(course, random) {
      const all = byCourse.get(course)
      return all && random.weighted(all, weights.get(course) ?? [])
    },
    runTexts: ofRun,
    modelTexts: (isLast) => model[isLast ? 1 : 0],
    unaskedText: (deed, user, isFailing) => unasked(deed)(user)(isFailing),
    steps,
    waitText: waits,
  }
}

function remember<Key, Made>(make: (key: Key) => Made): (key: Key) => Made {
  const made = new Map<Key, Made>()
  return (key) => {
    const known = made.get(key)
    if (known !== undefined) return known
    const fresh = make(key)
    made.set(key, fresh)
    return fresh
  }
}
