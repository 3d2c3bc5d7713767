import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { metrics } from '@opentelemetry/api'
import { beforeAll, describe, expect, test } from 'vitest'
import { createMeter, type Instrument, labelName, prometheusName } from '#runtime'
import { METRICS_CATALOGUE } from '../support/metrics/catalogue.ts'
import { measured } from '../support/metrics/measured.ts'

const INSTRUMENTS: readonly Instrument[] = METRICS_CATALOGUE.flatMap(({ instruments }) => instruments)
const HOSTILE = [
  'a"b',
  'a\\',
  'a\nb',
  '"} 1\nholdpoint_forged 1',
  '\\n',
  '# HELP x y',
  '',
  'é\u2028😀',
  'a,b="c"',
]
const TYPES = { counter: 'counter', updown: 'gauge', gauge: 'gauge', histogram: 'histogram' } as const

interface Understood {
  name: string
  type: string
  help: string
  series: Record<string, string>[]
}

/** What Prometheus' own parser, of prometheus/common, makes of a text. */
function understand(text: string): { status: number | null; stderr: string; families: Understood[] } {
  const { status, stdout, stderr } = spawnSync('go', ['run', '.'], {
    cwd: join(import.meta.dirname, 'exposition'),
    env: { ...process.env, CGO_ENABLED: '0' },
    input: text,
    encoding: 'utf8',
  })
  const lines = stdout.split('\n').filter((line) => line !== '')
  return { status, stderr, families: lines.map((line) => JSON.parse(line) as Understood) }
}

describe.skipIf(spawnSync('go', ['version']).status !== 0)('by Prometheus’ own parser', () => {
  let text: string
  beforeAll(async () => {
    const { read } = measured(() => {
      const meter = createMeter(metrics.getMeter('test'))
      for (const instrument of INSTRUMENTS) {
        const all = HOSTILE.map((value) =>
          Object.fromEntries(Object.keys(instrument.attributes).map((name) => [name, value])),
        )
        if (instrument.kind === 'gauge')
          meter.watch([instrument], (observe) => {
            for (const attributes of all) observe(instrument, 1.5, attributes)
          })
        else for (const attributes of all) meter.of(instrument)(2, attributes)
      }
    })
    text = await read()
  })

  test('exposition - every metric is understood as it is meant, with the most hostile values', () => {
    const { status, stderr, families } = understand(text)
    expect([status, stderr]).toEqual([0, ''])
    const byName = new Map(families.map((family) => [family.name, family]))
    expect([...byName.keys()].toSorted()).toEqual(
      ['target_info', ...INSTRUMENTS.map(prometheusName)].toSorted(),
    )
    for (const instrument of INSTRUMENTS) {
      const { kind, description, attributes } = instrument
      const family = byName.get(prometheusName(instrument))
      expect(family).toMatchObject({ type: TYPES[kind], help: description })
      for (const name of Object.keys(attributes).map(labelName))
        expect(family?.series.map((labels) => labels[name]).toSorted()).toEqual(HOSTILE.toSorted())
    }
  })

  test('exposition - it would not be, were a quote not escaped', () => {
    expect(understand(text.replace('a\\"b', 'a"b')).status).toBe(1)
  })
})
