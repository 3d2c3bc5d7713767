import { expect } from 'vitest'
import { type Instrument, labelName, prometheusName } from '#runtime'
import type { Family } from './parse.ts'

const TYPES = { counter: 'counter', updown: 'gauge', gauge: 'gauge', histogram: 'histogram' } as const

/** These and no others have been measured, each as it is described. */
export function expectAsDescribed(
  families: ReadonlyMap<string, Family>,
  instruments: readonly Instrument[],
): void {
  const found = [...families.keys()].filter((name) => name !== 'target_info')
  expect(found.toSorted()).toEqual(instruments.map(prometheusName).toSorted())
  for (const instrument of instruments) {
    const { kind, description, attributes } = instrument
    const family = families.get(prometheusName(instrument))
    expect(family).toMatchObject({ type: TYPES[kind], help: description })
    for (const { labels } of family?.samples ?? []) {
      const { le: _, ...rest } = labels
      expect(Object.keys(rest)).toEqual(Object.keys(attributes).map(labelName))
    }
  }
}
