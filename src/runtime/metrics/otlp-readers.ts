import type { IMetricReader, PushMetricExporter } from '@opentelemetry/sdk-metrics'

/**
 * What OTEL_METRICS_EXPORTER asks for, as OpenTelemetry's SDK would make it of the same variables: it takes all readers
 * from us, or none. `prometheus` adds nothing, for /metrics is there in any case.
 */
export async function otlpReaders(env: NodeJS.ProcessEnv): Promise<IMetricReader[]> {
  const wanted = (env.OTEL_METRICS_EXPORTER ?? '').split(',').map((name) => name.trim())
  const names = new Set(wanted.filter((name) => name !== ''))
  if (names.has('none')) return []
  const { ConsoleMetricExporter, PeriodicExportingMetricReader } = await import('@opentelemetry/sdk-metrics')
  const every = (exporter: PushMetricExporter): IMetricReader => {
    const exportIntervalMillis = positive(env.OTEL_METRIC_EXPORT_INTERVAL) ?? 60_000
    const exportTimeoutMillis = positive(env.OTEL_METRIC_EXPORT_TIMEOUT) ?? 30_000
    return new PeriodicExportingMetricReader({
      exporter,
      exportIntervalMillis,
      exportTimeoutMillis: Math.min(exportTimeoutMillis, exportIntervalMillis),
    })
  }
  return [
    ...(names.has('otlp') || names.size === 0 ? [every(await otlpExporter(env))] : []),
    ...(names.has('console') ? [every(new ConsoleMetricExporter())] : []),
  ]
}

async function otlpExporter(env: NodeJS.ProcessEnv): Promise<PushMetricExporter> {
  const protocol = env.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL
  const { OTLPMetricExporter } = await exporterFor(protocol?.trim())
  return new OTLPMetricExporter()
}

function exporterFor(protocol: string | undefined) {
  if (protocol === 'grpc') return import('@opentelemetry/exporter-metrics-otlp-grpc')
  if (protocol === 'http/json') return import('@opentelemetry/exporter-metrics-otlp-http')
  return import('@opentelemetry/exporter-metrics-otlp-proto')
}

function positive(value: string | undefined): number | undefined {
  const number = Number(value?.trim() || Number.NaN)
  return number > 0 ? number : undefined
}
