// What the variables at the top of a dashboard offer.
{
  agents: |||
    SELECT DISTINCT agent
    FROM holdpoint_actions
    WHERE $__timeFilter_ms(at) AND agent != ''
    ORDER BY agent
    LIMIT 1000
  |||,
}
