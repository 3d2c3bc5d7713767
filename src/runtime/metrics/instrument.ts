import type { Attributes, Observable, Meter as OpenTelemetryMeter } from '@opentelemetry/api'
import { createSeries } from './series.ts'

/** A metric as data: what is measured, what the reference page says of it, and the names of its attributes. */
export interface Instrument {
  /** OpenTelemetry's name: lower case, with dots. */
  readonly name: string
  /** `updown` is a sum that also shrinks. */
  readonly kind: 'counter' | 'updown' | 'gauge' | 'histogram'
  /** UCUM; what is counted stands in braces: `s`, `By`, `{request}`. */
  readonly unit: string
  readonly description: string
  /** What each attribute says. Its values come from code or from policy, never from an agent's own words. */
  readonly attributes: Readonly<Record<string, string>>
  /** Of a gauge: how the values of several replicas are put together. Everything else is added up. */
  readonly across?: 'sum' | 'max'
  /** Of a histogram: the upper bounds of its buckets, in its unit. */
  readonly bounds?: readonly number[]
}

export type AttributesOf<I extends Instrument> = {
  readonly [K in keyof I['attributes']]: string | number | boolean
}
type Given<I extends Instrument> = keyof I['attributes'] extends never ? [] : [attributes: AttributesOf<I>]

export type Measure<I extends Instrument> = (value: number, ...attributes: Given<I>) => void
export type Observe = <I extends Instrument>(instrument: I, value: number, ...attributes: Given<I>) => void

export interface Meter {
  /** Of a counter or an up-down counter: adds. Of a histogram: records. */
  of<const I extends Instrument>(instrument: I): Measure<I>
  /**
   * Looks whenever somebody reads the metrics. Returns how to stop; what was seen last stands until the process ends.
   */
  watch(instruments: readonly Instrument[], look: (observe: Observe) => void | Promise<void>): () => void
}

/**
 * Makes instruments as they are described. It is handed OpenTelemetry's own meter (`metrics.getMeter('holdpoint.…')`),
 * which does nothing until the process has a provider.
 */
export function createMeter(meter: OpenTelemetryMeter): Meter {
  return {
    of({ name, kind, unit, description, attributes, bounds }) {
      const seriesOf = createSeries(Object.keys(attributes))
      if (kind === 'histogram') {
        const advice = bounds === undefined ? {} : { advice: { explicitBucketBoundaries: [...bounds] } }
        const histogram = meter.createHistogram(name, { unit, description, ...advice })
        return (value, given?: Attributes) => histogram.record(value, seriesOf(given))
      }
      const counter =
        kind === 'counter'
          ? meter.createCounter(name, { unit, description })
          : meter.createUpDownCounter(name, { unit, description })
      // Its only series is there from the beginning: a rate of the first event has something to begin with.
      if (Object.keys(attributes).length === 0) counter.add(0)
      return (value, given?: Attributes) => counter.add(value, seriesOf(given))
    },
    watch(instruments, look) {
      const watched = new Map(
        instruments.map((one) => [
          one.name,
          { observable: observableOf(one), seriesOf: createSeries(Object.keys(one.attributes)) },
        ]),
      )
      const observables = [...watched.values()].map(({ observable }) => observable)
      const callback: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) =>
        look(({ name }, value, given?: Attributes) => {
          const found = watched.get(name)
          if (found) result.observe(found.observable, value, found.seriesOf(given))
        })
      meter.addBatchObservableCallback(callback, observables)
      return () => meter.removeBatchObservableCallback(callback, observables)
    },
  }

  function observableOf({ name, kind, unit, description }: Instrument): Observable {
    if (kind === 'counter') return meter.createObservableCounter(name, { unit, description })
    if (kind === 'updown') return meter.createObservableUpDownCounter(name, { unit, description })
    return meter.createObservableGauge(name, { unit, description })
  }
}
