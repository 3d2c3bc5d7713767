// How people decide: too late, too quickly, about their own, or not at all.
local approvals = import '../dashboards/approvals.libsonnet';
local queries = import 'queries.libsonnet';
local r = import 'rule.libsonnet';
local settings = import 'settings.libsonnet';

local NUMBER = '{{ printf "%.0f" $values.A.Value }}';
local SHARE = '{{ humanizePercentage $values.A.Value }}';

[
  r.rule(
    'approvals-waiting',
    'Approvals wait too long',
    'warning',
    queries.waiting,
    0,
    r.finding,
    { dashboard: approvals, panel: 'Waiting now' },
    'Requests held by {{ $labels.rule }} ({{ $labels.environment }}) wait for people, the oldest for {{ humanizeDuration $values.A.Value }}',
    'The agents behind them stand still. Nobody approves by waiting: at the end of its time a request expires, and nothing runs.',
    for_='2m',
  ),
  r.rule(
    'self-approval',
    'Somebody tries to release their own work',
    'warning',
    queries.selfApproval,
    0,
    // Without any broker's metrics nobody would know.
    { noDataState: 'NoData', execErrState: 'Error' },
    { dashboard: approvals, panel: 'Reviews that were refused' },
    '%s review(s) refused: their author owns the agent, prompted it, or is whom it acts for' % NUMBER,
    'The broker refused them with SELF_APPROVAL, so nothing was released. Again and again, it is somebody looking for a way.',
  ),
  r.rule(
    'instant-approvals',
    'Somebody approves without reading',
    'warning',
    queries.instant,
    settings.instant.approvalsAtLeast - 1,
    r.finding,
    { dashboard: approvals, panel: 'Load of each reviewer' },
    '{{ $labels.reviewer }} approved %s requests within %d s of their coming' % [NUMBER, settings.instant.reviewMs / 1000],
    'No card is read in that time. Either a program answers in this person’s name, or the rule asks for approvals that nobody thinks about.',
  ),
  r.rule(
    'expiry-rate',
    'Many requests expire',
    'warning',
    queries.expiry,
    settings.expiry.share,
    r.finding,
    { dashboard: approvals, panel: 'Decisions by rule' },
    '%s of what {{ $labels.rule }} holds expires undecided' % SHARE,
    'Nobody answers in the time that the rule gives. Nothing runs that should not; agents and the people behind them are stuck.',
  ),
  r.rule(
    'freeze-used',
    'An agent was frozen',
    'warning',
    queries.freeze,
    0,
    r.finding,
    { dashboard: approvals, panel: 'Freezes' },
    '{{ $labels.by }} froze {{ $labels.agent }}',
    'Whatever it attempts is refused, what waited is cancelled, and unused approvals are revoked. Another person ends it with `holdpoint thaw`.',
  ),
]
