local columns = import '../columns.libsonnet';
local metrics = import 'metrics.libsonnet';
local variables = import '../variables.libsonnet';

// Who answered in this time, of requests that may be older.
local given = {
  reviews: 'holdpoint_reviews_between(%s)' % variables.between,
  // An answer in less time than it takes to read a card.
  instant: "verdict = 'approve' AND review_ms < 3000",
  filter: variables.selects('rule', 'rule') + '\n  AND ' + variables.selects('environment', 'environment'),
};

{
  byGroup: {
    name: 'approvals.byGroup',
    title: 'Reviews by group',
    description: 'Whose reviews these were, by the groups that made somebody a reviewer of the request. A person in two of them counts in both.',
    format: 'table',
    empty: 'Nobody reviewed anything in this time.',
    columns: [
      columns.text('group', 'Group'),
      columns.number('people', 'People', 'short'),
      columns.number('approvals', 'Approvals', 'short', { colour: 'green' }),
      columns.number('denials', 'Denials', 'short', { colour: 'orange' }),
      columns.number('median_ms', 'Median time to review', 'ms'),
    ],
    rawSql: |||
      SELECT
        arrayJoin(if(empty(reviewer_groups), ['(none)'], reviewer_groups)) AS group,
        uniqExact(reviewer) AS people,
        countIf(verdict = 'approve') AS approvals,
        countIf(verdict = 'deny') AS denials,
        quantile(0.5)(review_ms) AS median_ms
      FROM %(reviews)s
      WHERE %(filter)s
      GROUP BY group
      ORDER BY approvals + denials DESC, group
      LIMIT 200
    ||| % given,
  },

  byChannel: {
    name: 'approvals.byChannel',
    title: 'Reviews by channel',
    description: 'Where people answered, and how strongly they were identified there.',
    format: 'table',
    empty: 'Nobody reviewed anything in this time.',
    columns: [
      columns.text('channel', 'Channel'),
      columns.word('assurance', 'Assurance'),
      columns.number('approvals', 'Approvals', 'short', { colour: 'green' }),
      columns.number('denials', 'Denials', 'short', { colour: 'orange' }),
      columns.number('instant_share', 'Of the approvals, within 3 s', 'percentunit'),
      columns.number('median_ms', 'Median time to review', 'ms'),
    ],
    rawSql: |||
      SELECT
        channel,
        assurance,
        countIf(verdict = 'approve') AS approvals,
        countIf(verdict = 'deny') AS denials,
        countIf(%(instant)s) / greatest(1, approvals) AS instant_share,
        quantile(0.5)(review_ms) AS median_ms
      FROM %(reviews)s
      WHERE %(filter)s
      GROUP BY channel, assurance
      ORDER BY approvals + denials DESC, channel, assurance
      LIMIT 200
    ||| % given,
  },

  reviewers: {
    name: 'approvals.reviewers',
    title: 'Load of each reviewer',
    description: 'Who decides how much, and how quickly. Who approves dozens of requests within three seconds each has not read them.',
    format: 'table',
    empty: 'Nobody reviewed anything in this time.',
    columns: [
      columns.text('reviewer_name', 'Reviewer', { width: 160 }),
      columns.text('reviewer', 'Account'),
      columns.number('reviews', 'Reviews', 'short'),
      columns.number('approvals', 'Approvals', 'short', { colour: 'green' }),
      columns.number('denials', 'Denials', 'short', { colour: 'orange' }),
      columns.number('too_late', 'After the decision', 'short'),
      columns.number('median_ms', 'Median time to review', 'ms'),
      columns.number('instant', 'Approvals within 3 s', 'short'),
      columns.number('instant_share', 'Of their approvals', 'percentunit'),
    ],
    rawSql: |||
      SELECT
        any(reviewer_name) AS reviewer_name,
        reviewer,
        count() AS reviews,
        countIf(verdict = 'approve') AS approvals,
        countIf(verdict = 'deny') AS denials,
        countIf(after_decision = 1) AS too_late,
        quantile(0.5)(review_ms) AS median_ms,
        countIf(%(instant)s) AS instant,
        instant / greatest(1, approvals) AS instant_share
      FROM %(reviews)s
      WHERE %(filter)s
      GROUP BY reviewer
      ORDER BY instant DESC, reviews DESC, reviewer
      LIMIT 200
    ||| % given,
  },

  instant: {
    name: 'approvals.instant',
    title: 'Approvals within three seconds',
    description: 'The part of all approvals that came within three seconds of the request: less time than it takes to read a card.',
    format: 'table',
    empty: 'Nobody approved anything in this time.',
    columns: [
      columns.time('time', 'Time'),
      columns.number('share', 'Of all approvals', 'percentunit', { colour: 'vermillion' }),
    ],
    rawSql: |||
      SELECT
        $__timeInterval(at) AS time,
        countIf(%(instant)s) / count() AS share
      FROM %(reviews)s
      WHERE verdict = 'approve' AND %(filter)s
      GROUP BY time
      ORDER BY time
    ||| % given,
  },

  refused: {
    name: 'approvals.refused',
    title: 'Reviews that were refused',
    description: 'Reviews by known people that the broker did not take. Own work: somebody tried to release what they own, prompted or are acted for in. None of them released anything.',
    format: 'table',
    empty: 'No review was refused in this time, or no broker reports its metrics.',
    columns: [
      columns.time('time', 'Time'),
      columns.number('own_work', 'Own work', 'short', { colour: 'vermillion' }),
      columns.number('not_a_reviewer', 'Not a reviewer', 'short', { colour: 'orange' }),
      columns.number('too_weak', 'Signed in too weakly', 'short', { colour: 'purple' }),
      columns.number('other_card', 'Another card than shown', 'short', { colour: 'blue' }),
      columns.number('other', 'Other', 'short', { colour: 'grey' }),
    ],
    rawSql: |||
      WITH
      %s
      SELECT
        step AS time,
        sumIf(increase, code = 'SELF_APPROVAL') AS own_work,
        sumIf(increase, code = 'NOT_A_REVIEWER') AS not_a_reviewer,
        sumIf(increase, code = 'ASSURANCE_TOO_LOW') AS too_weak,
        sumIf(increase, code IN ('CARD_MISMATCH', 'OPEN_FULL_PAGE')) AS other_card,
        sum(increase) - own_work - not_a_reviewer - too_weak - other_card AS other
      FROM increases
      WHERE step >= $__fromTime
      GROUP BY time
      ORDER BY time
    ||| % metrics.increase('holdpoint.reviews.refused', { code: "Attributes['code']" }),
  },
}
