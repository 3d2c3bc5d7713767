import type { TracerProvider } from '@opentelemetry/api'
import type { Instrumentation } from './instrumentation.ts'
import { packageOf } from './packages.ts'
import { startProcess } from './start.ts'

/** OpenTelemetry's `Instrumentation` interface (`@opentelemetry/instrumentation`), by shape. */
export interface OpenTelemetryInstrumentation {
  instrumentationName: string
  instrumentationVersion: string
  enable(): void
  /** Does nothing: what switches telemetry off must not open the gate. */
  disable(): void
  setTracerProvider(provider: TracerProvider): void
  setMeterProvider(): void
  setConfig(): void
  getConfig(): { enabled: true }
}

/**
 * The gate as one of OpenTelemetry's instrumentations. This call itself puts the process under the gate, as its
 * environment says, before an SDK is started; it throws where something is missing. ES modules that have been
 * imported by then are not under it: make it in a file that comes in by `--import`.
 */
export function createOpenTelemetryInstrumentation(
  instrumentations: readonly Instrumentation[],
): OpenTelemetryInstrumentation {
  const { tracing } = startProcess(instrumentations)
  return {
    instrumentationName: '@holdpoint/instrumentation',
    instrumentationVersion: packageOf(import.meta.dirname)?.version ?? '',
    enable() {},
    disable() {},
    setTracerProvider: (provider) => tracing.use(provider),
    setMeterProvider() {},
    setConfig() {},
    getConfig: () => ({ enabled: true }),
  }
}
