import type { Sent } from './sent.ts'

type Environment = Readonly<Record<string, string | undefined>>

const SIGNALS = ['traces', 'metrics', 'logs'] as const
const PRESET = 'http://localhost:4318'

/**
 * What the process exports its telemetry with must not wait for people: whoever held it would have nothing to see. It is
 * known by where it goes, as configured at the start. OpenTelemetry's own mark, suppressed tracing, any code could set,
 * and policy would not see it.
 */
export function createOwnTraffic(env: Environment): (sent: Sent) => boolean {
  const endpoints = new Set(SIGNALS.map((signal) => endpointOf(signal, env)))
  return (sent) =>
    sent.method === 'POST' &&
    sent.isConnectedByProgram !== true &&
    endpoints.has(`${sent.origin}${sent.path}`) &&
    (sent.headers.get('host') ?? new URL(sent.origin).host) === new URL(sent.origin).host
}

/** As the exporters read it: a signal's own endpoint stands as it is, the general one gets the signal's path. */
function endpointOf(signal: (typeof SIGNALS)[number], env: Environment): string {
  const own = env[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`]?.trim()
  const general = env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim() || PRESET
  const url = URL.parse(own || `${general.replace(/\/$/, '')}/v1/${signal}`)
  return url === null ? '' : `${url.origin}${url.pathname}${url.search}`
}
