import type { Component } from './component.ts'
import type { Log } from './log.ts'
import { createExposition, type Exposition } from './metrics/exposition.ts'
import { otlpReaders } from './metrics/otlp-readers.ts'
import { watchProcess } from './metrics/process.ts'

export interface TelemetryOptions {
  /** The process: becomes `service.name` `holdpoint-<name>` unless an OTEL_* variable names the service. */
  name: string
  env: NodeJS.ProcessEnv
  /** Of a process that serves: its metrics are there to be read, whether or not anybody has named an exporter. */
  metrics?: { log: Log }
}

export interface Telemetry extends Component {
  readonly active: boolean
  /** All metrics of this process, as Prometheus' text; empty before the start and where `metrics` was not asked for. */
  exposition(): Promise<string>
}

/**
 * This process' own traces and metrics. Rooms use the OpenTelemetry API alone, which does nothing until this
 * has started. It sends them where the standard OTEL_* variables say, and nowhere when they name no exporter.
 */
export function createTelemetry({ name, env, metrics }: TelemetryOptions): Telemetry {
  let running: { shutdown(): Promise<void> } | undefined
  let exposition: Exposition | undefined
  let unwatch = (): void => {}
  const serviceName = hasServiceName(env) ? undefined : `holdpoint-${name}`

  return {
    name: 'telemetry',
    get active() {
      return running !== undefined
    },
    async start() {
      if (running) return
      exposition = metrics && createExposition(await import('@opentelemetry/exporter-prometheus'), metrics)
      if (wantsTelemetry(env)) running = await startSdk(serviceName, env, exposition)
      else if (exposition) running = await startMetrics(serviceName, exposition)
      if (exposition) unwatch = await watchThisProcess()
    },
    async stop() {
      const stopping = running
      running = undefined
      exposition = undefined
      // What is measured to the end is sent to the end.
      await stopping?.shutdown()
      unwatch()
      unwatch = () => {}
    },
    exposition: async () => (await exposition?.read()) ?? '',
  }
}

/** Everything, as the variables say; what is scraped and what is sent come from the same instruments. */
async function startSdk(
  serviceName: string | undefined,
  env: NodeJS.ProcessEnv,
  exposition: Exposition | undefined,
) {
  // 40 MB of packages: loaded by those who asked for it.
  const { NodeSDK } = await import('@opentelemetry/sdk-node')
  const sdk = new NodeSDK({
    ...(serviceName === undefined ? {} : { serviceName }),
    ...(exposition === undefined ? {} : { metricReaders: [exposition.reader, ...(await otlpReaders(env))] }),
  })
  sdk.start()
  return sdk
}

/** Metrics that only wait to be read. */
async function startMetrics(serviceName: string | undefined, { reader }: Exposition) {
  const [{ metrics }, { MeterProvider }, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/resources'),
  ])
  const { defaultResource, detectResources, resourceFromAttributes } = resources
  const detectors = [resources.serviceInstanceIdDetector, resources.envDetector]
  const named = serviceName === undefined ? {} : { 'service.name': serviceName }
  const provider = new MeterProvider({
    resource: defaultResource().merge(detectResources({ detectors })).merge(resourceFromAttributes(named)),
    readers: [reader],
  })
  metrics.setGlobalMeterProvider(provider)
  return provider
}

/** Returns how to stop, and leaves no provider behind that has been shut down. */
async function watchThisProcess(): Promise<() => void> {
  const { metrics } = await import('@opentelemetry/api')
  const unwatch = watchProcess(metrics.getMeter('holdpoint.runtime'))
  return () => {
    unwatch()
    metrics.disable()
  }
}

const ENDPOINTS = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
]
const EXPORTERS = ['OTEL_TRACES_EXPORTER', 'OTEL_METRICS_EXPORTER']

/** True when the standard variables ask for an exporter and do not switch the SDK off. */
export function wantsTelemetry(env: NodeJS.ProcessEnv): boolean {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return false
  const exporters = EXPORTERS.flatMap((name) => env[name]?.split(',') ?? []).map((one) => one.trim())
  return exporters.some((one) => one !== '' && one !== 'none') || ENDPOINTS.some((name) => env[name])
}

const hasServiceName = (env: NodeJS.ProcessEnv): boolean =>
  Boolean(env.OTEL_SERVICE_NAME) || /(^|,)\s*service\.name=/.test(env.OTEL_RESOURCE_ATTRIBUTES ?? '')
