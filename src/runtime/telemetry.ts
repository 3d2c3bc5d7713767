import type { Component } from './component.ts'

export interface TelemetryOptions {
  /** The process: becomes `service.name` `holdpoint-<name>` unless an OTEL_* variable names the service. */
  name: string
  env: NodeJS.ProcessEnv
}

/**
 * This process' own traces and metrics. Rooms use the OpenTelemetry API alone, which does nothing until this
 * has started; it starts only when the standard OTEL_* variables name an exporter, and they configure it.
 */
export function createTelemetry({ name, env }: TelemetryOptions): Component & { readonly active: boolean } {
  let sdk: { shutdown(): Promise<void> } | undefined
  return {
    name: 'telemetry',
    get active() {
      return sdk !== undefined
    },
    async start() {
      if (sdk || !wantsTelemetry(env)) return
      // 40 MB of packages: loaded by those who asked for it.
      const { NodeSDK } = await import('@opentelemetry/sdk-node')
      const started = new NodeSDK(hasServiceName(env) ? {} : { serviceName: `holdpoint-${name}` })
      started.start()
      sdk = started
    },
    async stop() {
      const running = sdk
      sdk = undefined
      await running?.shutdown()
    },
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
