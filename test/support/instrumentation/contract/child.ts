import { vi } from 'vitest'
import type { Parameters } from '../driver.ts'
import type { Stage } from '../stage.ts'
import { LATER } from './turns.ts'

/** The second call of the program that belongs to this copy, which is held, or was. */
export async function heldInChild<Sdk>({ dying, copy }: Pick<Stage<Sdk>, 'dying' | 'copy'>) {
  const child = dying.processes.get(copy)
  if (child === undefined) throw new Error(`no process for ${copy}`)
  const find = () =>
    dying.broker.requests.find(({ attempt }) => {
      const { limit, region } = attempt.action.arguments as Parameters
      return limit === 2 && region === copy
    })
  const held = vi.waitFor(() => find() ?? Promise.reject(new Error('nothing is held in the process')), LATER)
  const ended = child.ended.then(({ stderr }) => find() ?? Promise.reject(new Error(stderr)))
  return [child, await Promise.race([held, ended])] as const
}
