import { metrics } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import {
  type Instrument,
  NATS_INSTRUMENTS,
  PROCESS_INSTRUMENTS,
  prometheusName,
  watchProcess,
  watchRoundTrip,
} from '#runtime'
import { METRICS_CATALOGUE } from '../support/metrics/catalogue.ts'
import { expectAsDescribed } from '../support/metrics/described.ts'
import { measured } from '../support/metrics/measured.ts'
import { sampleValue } from '../support/metrics/parse.ts'

const ALL: readonly Instrument[] = METRICS_CATALOGUE.flatMap(({ instruments }) => instruments)

test('metrics - no two have one name, here or in Prometheus', () => {
  expect(new Set(ALL.map(({ name }) => name)).size).toBe(ALL.length)
  expect(new Set(ALL.map(prometheusName)).size).toBe(ALL.length)
})

test.each(ALL)('metrics - $name has a name, a unit and attributes as OpenTelemetry wants them', (one) => {
  const { name, kind, unit, description, attributes, across, bounds = [] } = one
  expect(name).toMatch(/^(holdpoint|http|process)(\.[a-z][a-z0-9_]*)+$/)
  expect(unit).toMatch(/^(s|ms|By|\{[a-z]+\})$/)
  expect(description).toMatch(/^[A-Z].*\.$/)
  for (const [key, said] of Object.entries(attributes)) {
    expect(key).toMatch(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/)
    // A cell of a table.
    expect(said).toMatch(/^[^|\n]+$/)
  }
  // Whoever puts the values of replicas together has to know how.
  expect(across !== undefined).toBe(kind === 'gauge')
  expect(bounds.length > 0).toBe(kind === 'histogram')
  expect(bounds).toEqual(bounds.toSorted((a, b) => a - b))
})

test('metrics - what every process measures is as it is described', async () => {
  const { families } = measured(() => {
    watchProcess(metrics.getMeter('holdpoint.runtime'))
    watchRoundTrip(metrics.getMeter('holdpoint.nats'), 'desk', { flush: async () => {} })
  })
  const all = await families()
  expectAsDescribed(all, [...Object.values(PROCESS_INSTRUMENTS), ...Object.values(NATS_INSTRUMENTS)])
  expect(sampleValue(all, 'holdpoint_nats_rtt_seconds', { connection: 'desk' })).toBeLessThan(2)
})

test('metrics - a server that refuses to answer is as far away as the longest that is waited', async () => {
  const line = { flush: () => Promise.reject(new Error('gone')) }
  const { families } = measured(() => watchRoundTrip(metrics.getMeter('holdpoint.nats'), 'desk', line))
  expect(sampleValue(await families(), 'holdpoint_nats_rtt_seconds')).toBe(2)
})
