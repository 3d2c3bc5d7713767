// What ran and should not have, or lies about it. Each of these is found by comparing spans with the ledger.
local violations = import '../dashboards/violations.libsonnet';
local whoActed = import '../dashboards/who-acted.libsonnet';
local queries = import 'queries.libsonnet';
local r = import 'rule.libsonnet';
local settings = import 'settings.libsonnet';

local WHO = '{{ $labels.agent }}';
local WHAT = '{{ $labels.action }} ({{ $labels.environment }})';
local SPANS = '{{ printf "%.0f" $values.A.Value }} span(s) in the last hour.';

local alarm(name, title, query, summary, description) =
  r.rule(
    name,
    title,
    'critical',
    query,
    0,
    r.finding,
    { dashboard: violations, panel: 'Each violation, with its trace' },
    summary,
    description + ' ' + SPANS,
  );

[
  alarm(
    'ungated-action',
    'A sensitive action ran without a decision',
    queries.missing,
    '%s ran %s, and nobody had decided' % [WHO, WHAT],
    'Policy holds or denies this action, and the ledger has no decision for it. The gate was removed, never there, or gone round.',
  ),
  alarm(
    'forged-claim',
    'A span claims an approval that the ledger contradicts',
    queries.forged,
    '%s claims an approval of %s that is not in the ledger' % [WHO, WHAT],
    'The span names an approval, an approver or a decision, and the ledger says otherwise. That does not happen by accident.',
  ),
  alarm(
    'replayed-approval',
    'One approval was used twice',
    queries.replayed,
    '%s used an approval of %s again' % [WHO, WHAT],
    'An approval is good for one execution. A second span claims the same one.',
  ),
  alarm(
    'unbound-approval',
    'An approval was used for something else',
    queries.unbound,
    '%s showed an approval for %s that was given for something else' % [WHO, WHAT],
    'The approval exists, for another trace, agent or action than the one that ran.',
  ),
  r.rule(
    'night-export',
    'Data was taken out at night',
    'warning',
    queries.nightExport,
    0,
    r.finding,
    { dashboard: whoActed, panel: 'Released at night or at a weekend' },
    '%s ran {{ $labels.action }} at night, approved by {{ $labels.approvers }}' % WHO,
    'Everything about it is in order: it was asked for, approved and used once. Ask whoever approved it whether they did. {{ printf "%%.0f" $values.A.Value }} between %d and %d o’clock, %s.'
    % [settings.night.fromHour, settings.night.toHour, settings.night.timeZone],
  ),
]
