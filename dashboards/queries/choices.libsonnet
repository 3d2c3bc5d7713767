// What the variables at the top of a dashboard offer.
{
  agents: |||
    SELECT agent FROM (
      SELECT DISTINCT agent FROM holdpoint_activity WHERE $__timeFilter_ms(at)
      UNION DISTINCT
      SELECT DISTINCT agent_name FROM holdpoint_ledger WHERE type = 'requested' AND $__timeFilter_ms(at)
    )
    WHERE agent != ''
    ORDER BY agent
    LIMIT 1000
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
