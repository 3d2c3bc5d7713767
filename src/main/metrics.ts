import {
  type Config,
  createMetricsServer,
  type HttpServer,
  type Log,
  METRICS_PORTS,
  type Stack,
  type Telemetry,
} from '#runtime'

export interface MetricsParts {
  telemetry: Pick<Telemetry, 'exposition'>
  /** Why the process cannot do its work now; undefined while it can. */
  whyNotReady(): string | undefined
  stack: Stack
  log: Log
  isPortFlexible?: boolean
}

/** First of all, so that whoever looks is told that a process has not begun yet. */
export async function startMetrics(
  process: keyof typeof METRICS_PORTS,
  { metrics: { host, port = METRICS_PORTS[process] } }: Pick<Config, 'metrics'>,
  { telemetry, whyNotReady, stack, log, isPortFlexible = false }: MetricsParts,
): Promise<HttpServer | undefined> {
  if (port === undefined) return undefined
  const { exposition } = telemetry
  const server = await stack.start(
    createMetricsServer({ host, port, isPortFlexible }, { exposition, whyNotReady, log }),
  )
  log.info('metrics can be read', { url: `${server.url()}/metrics` })
  return server
}
