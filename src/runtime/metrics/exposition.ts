import type { IMetricReader, MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Log } from '../log.ts'
import { familyName, unitWord } from './prometheus-name.ts'

/** What a scraper is told: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export interface Exposition {
  /** For the meter provider. */
  reader: IMetricReader
  /** All metrics of this process, as Prometheus' text. */
  read(): Promise<string>
}

/** Whoever cannot tell its values in that time is left out, so that a scrape does not wait for NATS. */
const COLLECT_WITHIN_MS = 3_000

/** `library` is loaded by processes that are scraped, and by no command. */
export function createExposition(
  { PrometheusExporter, PrometheusSerializer }: typeof import('@opentelemetry/exporter-prometheus'),
  { log }: { log: Log },
): Exposition {
  const reader = new PrometheusExporter({ preventServerStart: true })
  // Without scopes: our names are told apart by themselves.
  const serializer = new PrometheusSerializer('', false, undefined, false, true)
  let reading: Promise<string> | undefined

  async function read(): Promise<string> {
    const { resourceMetrics, errors } = await reader.collect({ timeoutMillis: COLLECT_WITHIN_MS })
    for (const error of errors) log.debug('a metric could not be read', { error })
    // A text that has nothing to tell ends without the end of its line.
    return serializer.serialize(asPrometheusHasIt(resourceMetrics)).replace(/\n*$/, '\n')
  }

  return {
    reader,
    // Whoever asks meanwhile is told the same: a flood of scrapes is one look after the other.
    read: () => {
      reading ??= read().finally(() => {
        reading = undefined
      })
      return reading
    },
  }
}

/** The serializer leaves units out of names, and tells all of the resource: command line and account as well. */
function asPrometheusHasIt({ resource, scopeMetrics }: ResourceMetrics): ResourceMetrics {
  const told = Object.entries(resource.attributes).filter(([name]) => /^(service|deployment)\./.test(name))
  return {
    resource: Object.create(resource, { attributes: { value: Object.fromEntries(told) } }),
    scopeMetrics: scopeMetrics.map(({ scope, metrics }) => ({ scope, metrics: metrics.map(renamed) })),
  }
}

const renamed = (metric: MetricData): MetricData => ({
  ...metric,
  descriptor: {
    ...metric.descriptor,
    name: familyName(metric.descriptor),
    unit: unitWord(metric.descriptor.unit),
  },
})
