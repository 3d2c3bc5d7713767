import type { Guard } from '../support/guards.ts'
import type { RunOptions } from '../support/runner.ts'
import { ATTACKS } from './attacks/all.ts'
import { attack } from './attacks/run.ts'

export const summary =
  'The threat table as cases, at every place where a line of it applies: nothing gets through.'

export const guards: readonly Guard[] = [...new Map(ATTACKS.map(({ guard }) => [guard.name, guard])).values()]

/** All of them, or with `n` about so many, spread over the list. */
export const run = ({ n, without, say }: RunOptions): Promise<Record<string, unknown>> =>
  attack({ without, say, ...(n === undefined ? {} : { most: n }) })
