import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { findCollector } from './programs.ts'

/** Where OTLP is received. */
export interface Receiver {
  http: string
  /** Host and port. */
  grpc: string
  /** Shown as a bearer token. */
  token?: string
}

export interface Load {
  signal: 'traces' | 'logs' | 'metrics'
  /** Traces of two spans each, log records, or data points. */
  count: number
  over: 'http' | 'grpc'
  /** Becomes `service.name`. */
  service: string
  /** Preset: `Gauge`. */
  metricType?: 'Gauge' | 'Sum' | 'Histogram' | 'ExponentialHistogram'
  /** On every span, record or point. */
  attributes?: Record<string, string>
}

/** Real load from the Collector's own generator; resolves when all of it was acknowledged. */
export async function generate(to: Receiver, load: Load): Promise<void> {
  const { telemetrygen } = findCollector() ?? {}
  if (telemetrygen === undefined) throw new Error('no telemetrygen: npm run test:collector builds one')
  const { signal, count, over, service, metricType = 'Gauge', attributes = {} } = load
  const args = [
    signal,
    `--${signal}=${count}`,
    '--rate=0',
    '--workers=1',
    '--otlp-insecure',
    `--service=${service}`,
    ...(over === 'http'
      ? ['--otlp-http', `--otlp-endpoint=${new URL(to.http).host}`]
      : [`--otlp-endpoint=${to.grpc}`]),
    ...(signal === 'metrics' ? [`--metric-type=${metricType}`] : []),
    ...(to.token === undefined ? [] : [`--otlp-header=Authorization="Bearer ${to.token}"`]),
    ...Object.entries(attributes).map(([key, value]) => `--telemetry-attributes=${key}="${value}"`),
  ]
  await promisify(execFile)(telemetrygen, args, { timeout: 30_000 })
}
