import { join } from 'node:path'
import { expect, test } from 'vitest'
import { difference, SIGHTS } from '../support/grafana/colours.ts'
import { DASHBOARDS, evaluate } from '../support/grafana/generate.ts'

type Vocabulary = Record<string, string>
const { colours, words } = JSON.parse(evaluate(join(DASHBOARDS, 'palette.libsonnet'))) as {
  colours: Vocabulary
  words: Record<string, Vocabulary>
}

/** In OKLab. Grafana's own green and red are 0.07 apart to every twelfth man or so. */
const LEAST = 0.075

const alike = (vocabulary: Vocabulary): string[] =>
  Object.entries(vocabulary).flatMap(([one, colour], at, all) =>
    all
      .slice(at + 1)
      .flatMap(([other, second]) =>
        SIGHTS.filter((sight) => difference(colour, second, sight) < LEAST).map(
          (sight) => `${one} and ${other}: ${sight}`,
        ),
      ),
  )

test.for(Object.keys(words))(
  'dashboards - everybody can tell apart the words of %s by their colours',
  (name) => {
    expect(Object.keys(words[name] ?? {}).length).toBeGreaterThan(1)
    expect(alike(words[name] ?? {})).toEqual([])
  },
)

test('dashboards - everybody can tell apart any two colours of the palette', () => {
  expect(Object.keys(colours).length).toBeGreaterThan(6)
  expect(alike(colours)).toEqual([])
})

test('dashboards - colours that are one to some people are found', () => {
  expect(alike({ fine: '#73BF69', wrong: '#F2495C' })).toEqual(['fine and wrong: deuteranopia'])
  expect(alike({ fine: '#009E73', idle: '#8C8C8C' })).toContain('fine and idle: protanopia')
  expect(alike({ same: '#0072B2', other: '#0072B2' })).toHaveLength(SIGHTS.length)
})
