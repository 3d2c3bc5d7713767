import { metrics } from '@opentelemetry/api'
import * as prometheus from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { createExposition } from '#runtime'
import { createFakeLog } from '../log.ts'
import { type Family, parsePrometheus } from './parse.ts'

/** What `make` makes, with metrics of its own: instruments are those of the provider that is there when they are made. */
export function measured<T>(make: (read: () => Promise<string>) => T): {
  made: T
  /** As Prometheus' text. */
  read(): Promise<string>
  families(): Promise<Map<string, Family>>
} {
  const { reader, read } = createExposition(prometheus, { log: createFakeLog() })
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
  try {
    return { made: make(read), read, families: async () => parsePrometheus(await read()) }
  } finally {
    metrics.disable()
  }
}
