import type { Incident } from '../options.ts'
import type { Casts } from '../traffic/cast.ts'
import type { Week } from '../week/week.ts'
import type { Planted } from './planted.ts'

export interface Scene {
  week: Week
  casts: Casts
}

const PLANTERS: Partial<Record<Incident, (scene: Scene) => Planted>> = {}

/** Each by itself: none draws from what another draws from, or looks at what it did. */
export const plant = (week: Week, casts: Casts): Planted[] =>
  week.options.incidents.flatMap((name) => PLANTERS[name]?.({ week, casts }) ?? [])
