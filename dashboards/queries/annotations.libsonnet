local columns = import '../columns.libsonnet';

local shown = [
  columns.time('time', 'Time'),
  columns.text('title', 'Title'),
  columns.text('text', 'Text'),
];

{
  policies: {
    name: 'annotations.policies',
    title: 'Policy changes',
    description: 'A policy or a directory of people came into force, by its entry in the ledger.',
    format: 'table',
    empty: 'No policy came into force in this time.',
    columns: shown,
    rawSql: |||
      SELECT
        at AS time,
        if(type = 'policy', concat('Policy ', toString(policy_version)), concat('Directory ', toString(directory_version))) AS title,
        if(release = '', 'signed by the organisation', concat('released by request ', release)) AS text
      FROM holdpoint_ledger FINAL
      WHERE type IN ('policy', 'directory') AND $__timeFilter_ms(at)
      ORDER BY at
    |||,
  },

  freezes: {
    name: 'annotations.freezes',
    title: 'Freezes',
    description: 'Somebody stopped an agent, or every agent, or let them go on.',
    format: 'table',
    empty: 'Nothing was frozen in this time.',
    columns: shown,
    rawSql: |||
      SELECT
        at AS time,
        if(frozen = 1, 'Frozen', 'Thawed') AS title,
        concat(if(agent_sub = '', 'every agent', if(agent_name = '', agent_sub, agent_name)),
               ' by ', if(reviewer_name = '', reviewer_sub, reviewer_name)) AS text
      FROM holdpoint_ledger FINAL
      WHERE type = 'freeze' AND $__timeFilter_ms(at)
      ORDER BY at
    |||,
  },
}
