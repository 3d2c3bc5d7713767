// What the variables at the top of a dashboard offer.
{
  // Those that the ledger knows come first: anybody can make up names until there is no room.
  agents: |||
    SELECT agent FROM (
      SELECT agent, max(is_known) AS known
      FROM (
        SELECT DISTINCT agent, 0 AS is_known FROM holdpoint_activity WHERE $__timeFilter_ms(at)
        UNION ALL
        SELECT DISTINCT agent_name, 1 FROM holdpoint_ledger WHERE type = 'requested' AND $__timeFilter_ms(at)
      )
      WHERE agent != ''
      GROUP BY agent
      ORDER BY known DESC, agent
      LIMIT 1000
    )
    ORDER BY agent
  |||,

  kinds: |||
    SELECT kind FROM (
      SELECT DISTINCT kind FROM holdpoint_activity WHERE $__timeFilter_ms(at)
      UNION DISTINCT
      SELECT DISTINCT kind FROM holdpoint_ledger WHERE type = 'requested' AND $__timeFilter_ms(at)
    )
    WHERE kind != ''
    ORDER BY kind
    LIMIT 100
  |||,

  environments: |||
    SELECT environment FROM (
      SELECT DISTINCT environment FROM holdpoint_activity WHERE $__timeFilter_ms(at)
      UNION DISTINCT
      SELECT DISTINCT environment FROM holdpoint_ledger WHERE type = 'requested' AND $__timeFilter_ms(at)
    )
    WHERE environment != ''
    ORDER BY environment
    LIMIT 100
  |||,
}
