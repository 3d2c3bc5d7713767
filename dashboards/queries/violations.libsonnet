local columns = import '../columns.libsonnet';
local variables = import '../variables.libsonnet';

local ALARMING = "('missing', 'forged', 'unbound', 'replayed', 'observed')";

{
  counts: {
    name: 'violations.counts',
    title: 'What went round the gate',
    description: 'Actions by what the pipeline found when it compared their spans with the ledger. Missing: a sensitive action that ran with no decision. Forged: the span claims what the ledger contradicts. Replayed: a second span for one approval. Unbound: the approval was for something else. Observed: it ran where policy is only watched.',
    format: 'table',
    empty: 'No violation in this time: everything that policy holds was decided before it ran.',
    columns: [
      columns.number('missing', 'Missing', 'short', { colour: 'orange' }),
      columns.number('forged', 'Forged', 'short', { colour: 'vermillion' }),
      columns.number('replayed', 'Replayed', 'short', { colour: 'sky' }),
      columns.number('unbound', 'Unbound', 'short', { colour: 'purple' }),
      columns.number('observed', 'Observed', 'short', { colour: 'yellow' }),
    ],
    rawSql: |||
      SELECT
        countIf(verification = 'missing') AS missing,
        countIf(verification = 'forged') AS forged,
        countIf(verification = 'replayed') AS replayed,
        countIf(verification = 'unbound') AS unbound,
        countIf(verification = 'observed') AS observed
      FROM holdpoint_actions
      WHERE $__timeFilter_ms(at)
        AND verification IN %(alarming)s
        AND (empty(%(agents)s) OR has(%(agents)s, agent))
    ||| % { alarming: ALARMING, agents: variables.list('agent') },
  },
}
