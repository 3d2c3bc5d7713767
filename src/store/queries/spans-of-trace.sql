-- A trace for people: bounded in spans, in attributes and in characters, since anybody can send any of them. Where there
-- are too many spans, those that ran unapproved stay, and then what else is not simply allowed.
-- What Holdpoint's own attributes claim is left out: verdicts come from holdpoint_actions.
SELECT *
FROM (
  SELECT
    SpanId AS spanId,
    ParentSpanId AS parentSpanId,
    substring(SpanName, 1, 300) AS name,
    SpanKind AS kind,
    substring(ServiceName, 1, 300) AS service,
    toString(toUnixTimestamp64Nano(Timestamp)) AS startNs,
    toString(Duration) AS durationNs,
    StatusCode AS status,
    substring(StatusMessage, 1, 300) AS statusMessage,
    -- Keys beside values, not looked up in the map: that would copy the map once for each of its keys.
    arraySlice(
      arrayFilter(
        pair -> NOT startsWith(pair.1, 'holdpoint.'),
        arrayMap(
          (key, value) -> (substring(key, 1, 100), substring(value, 1, 200)),
          mapKeys(SpanAttributes), mapValues(SpanAttributes))),
      1, 16) AS attributes
  FROM otel_traces
  WHERE TraceId = {traceId:String}
    AND Timestamp >= (SELECT min(Start) FROM otel_traces_trace_id_ts WHERE TraceId = {traceId:String})
    AND Timestamp <= (SELECT max(End) + 1 FROM otel_traces_trace_id_ts WHERE TraceId = {traceId:String})
  ORDER BY
    SpanId IN (SELECT span_id FROM holdpoint_findings
      WHERE trace_id = {traceId:String} AND verification IN ('missing', 'forged', 'unbound', 'replayed')) DESC,
    SpanId IN (SELECT span_id FROM holdpoint_findings WHERE trace_id = {traceId:String} AND quiet = 0) DESC,
    Timestamp, SpanId
  LIMIT {most:UInt32}
)
ORDER BY toInt64(startNs), spanId
