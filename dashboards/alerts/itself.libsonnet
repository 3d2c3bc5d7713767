// Whether what the other alerts rest on gets to ClickHouse at all.
local itself = import '../dashboards/itself.libsonnet';
local queries = import 'queries.libsonnet';
local r = import 'rule.libsonnet';
local settings = import 'settings.libsonnet';

[
  r.rule(
    'ledger-behind',
    'ClickHouse is behind the ledger',
    'critical',
    queries.ledgerBehind,
    settings.ledger.entries,
    r.reporting,
    { dashboard: itself, panel: 'Ledger entries not yet in ClickHouse' },
    'Ledger entries are missing in ClickHouse: at least {{ printf "%%.0f" $values.A.Value }} for %d minutes, or nobody says' % settings.ledger.minutes,
    'Dashboards and alerts do not see the newest requests and decisions, and spans cannot be verified. Deciding goes on: the ledger is in NATS.',
    for_='2m',
  ),
  r.rule(
    'pipeline-lag',
    'The pipeline lags behind',
    'critical',
    queries.lag,
    settings.lag.seconds,
    r.reporting,
    { dashboard: itself, panel: 'Age of the oldest telemetry that waits' },
    'Telemetry has waited for at least {{ humanizeDuration $values.A.Value }} to be verified and stored, or nobody says',
    'What agents have done meanwhile is not on any dashboard, and a violation among it raises no alert yet.',
    for_='2m',
  ),
]
