import { type Instrument, METRICS_PORTS, prometheusName } from '#runtime'
import { METRICS_CATALOGUE } from './catalogue.ts'

/** docs/metrics.md: what is measured, as the code describes it. */
export const metricsPage = (): string => `${INTRODUCTION}
${METRICS_CATALOGUE.map(({ title, instruments }) => `### ${title}\n\n${table(instruments)}`).join('\n')}`

const INTRODUCTION = `# Metrics

Every process of Holdpoint measures itself. What it measures is there to be read at \`/metrics\`, in Prometheus' text format, without any setting; and is sent by OTLP as well where the standard \`OTEL_*\` variables name an exporter. Both come from the same instruments. This page is made from the code that describes them.

## Where to read them

| Process | \`/metrics\` | Setting |
|---|---|---|
| \`holdpoint broker\` | \`http://127.0.0.1:${METRICS_PORTS.broker}/metrics\` | \`metrics.host\`, \`metrics.port\` |
| \`holdpoint pipeline\` | \`http://127.0.0.1:${METRICS_PORTS.pipeline}/metrics\`; not on the ports for OTLP, which senders reach | \`metrics.host\`, \`metrics.port\` |
| \`holdpoint desk\` | \`http://127.0.0.1:7070/metrics\` | \`http.host\`, \`http.port\`; also at \`metrics.port\` where that is set |
| \`holdpoint up\` | the same, for all of them in one | the same |
| \`holdpoint mcp\` | nowhere: it speaks with its client over standard input and output, and listens on no port. Its traces go out by OTLP; it has no metrics | |

Beside \`/metrics\` the broker and the pipeline have \`/healthz\` (the process lives) and \`/readyz\` (200, or 503 with the reason: the ledger is being read, NATS cannot be reached), for Kubernetes and load balancers. A \`metrics.port\` that is taken stops the start; several on one machine need one each (\`HOLDPOINT_METRICS_PORT\`; 0 is any, and the log says which).

Nobody is asked who they are there. What is told is no secret and names no person: attributes are words of the code, ids of rules and names of channels, never what an agent, a reviewer or a request says. A metric has at most 1,000 series; what comes beyond is counted in one more, \`otel_metric_overflow="true"\`. Leave \`metrics.host\` on loopback, or give it an address that your scraper reaches and nobody else has to.

[deploy/prometheus/prometheus.yml](../deploy/prometheus/prometheus.yml) has a job for each process.

## By OTLP

\`OTEL_EXPORTER_OTLP_ENDPOINT\` (or \`OTEL_METRICS_EXPORTER=otlp\`) sends the same every minute (\`OTEL_METRIC_EXPORT_INTERVAL\`), as \`service.name\` \`holdpoint-broker\`, \`holdpoint-desk\`, \`holdpoint-pipeline\` or \`holdpoint-up\`, under OpenTelemetry's names. Sent to Holdpoint's own pipeline, or to a Collector with the ClickHouse exporter, they are rows of \`otel_metrics_gauge\`, \`otel_metrics_sum\` and \`otel_metrics_histogram\`. \`OTEL_METRICS_EXPORTER=prometheus\` adds nothing, and \`OTEL_EXPORTER_PROMETHEUS_HOST\` and \`_PORT\` are not read: \`/metrics\` is always there. \`OTEL_SDK_DISABLED\` ends the sending, not \`/metrics\`.

## What there is

A counter, a sum or a histogram is added up over replicas, restarts included: \`sum(rate(holdpoint_decisions_total[5m]))\`. Of what happens once, one replica counts once. Replicas see the same ledger and the same buffer, so of a gauge the largest value is the one to believe: \`max(holdpoint_requests_pending)\`. A gauge that cannot be asked for now stands at what was seen last.

Prometheus' names are made from OpenTelemetry's by [its rules](https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/): dots become underscores, the unit is added, and \`_total\` to counters; of a histogram there are \`_bucket\`, \`_sum\` and \`_count\`. Dots in attributes become underscores, too.
`

const KINDS = { counter: 'counter', updown: 'sum that also shrinks', gauge: 'gauge', histogram: 'histogram' }

const table = (instruments: readonly Instrument[]): string =>
  [
    '| Metric | In Prometheus | Kind | Unit | What it says | Attributes | Replicas |',
    '|---|---|---|---|---|---|---|',
    ...instruments.map((one) => `| ${cellsOf(one).join(' | ')} |`),
    '',
  ].join('\n')

const cellsOf = (one: Instrument): string[] => [
  `\`${one.name}\``,
  `\`${prometheusName(one)}\``,
  KINDS[one.kind],
  `\`${one.unit}\``,
  one.description,
  Object.entries(one.attributes)
    .map(([name, says]) => `\`${name}\`: ${says}`)
    .join('; '),
  one.across ?? 'sum',
]
