// What a query returns, column by column: panels take titles, units, colours and links from here, and the checks
// hold the engine's answer against it. `kind` is what a panel needs: time, number, text, or pairs (of a trace).
local links = import 'links.libsonnet';

local column(name, title, kind, more={}) = { name: name, title: title, kind: kind } + more;

{
  links:: links,

  time(name, title, more={}): column(name, title, 'time', more),
  number(name, title, unit, more={}): column(name, title, 'number', { unit: unit } + more),
  text(name, title, more={}): column(name, title, 'text', more),
  // Of a vocabulary of palette.libsonnet: each of its words has its colour.
  word(name, title, vocabulary=name, more={}): column(name, title, 'text', { words: vocabulary, width: 120 } + more),
  // The same where other words stand as well: coloured are those of the vocabulary, as letters.
  phrase(name, title, vocabulary, more={}): column(name, title, 'text', { words: vocabulary, asLetters: true } + more),
  pairs(name, title): column(name, title, 'pairs'),

  // Those that many queries have; a click on one of these leads further.
  at: $.time('at', 'Time', { width: 190 }),
  agent: $.text('agent', 'Agent', { links: [links.agent], width: 160 }),
  user: $.text('user', 'For user', { width: 160 }),
  authorized_by: $.phrase('authorized_by', 'Authorized by', 'authorized', { width: 200 }),
  decision: $.word('decision', 'Decision'),
  target: $.text('target', 'Target', { width: 200 }),
  rule: $.text('rule', 'Rule', { width: 160 }),
  trace_id: $.text('trace_id', 'Trace', { links: [links.trace], width: 120 }),
  span_id: $.text('span_id', 'Span', { width: 100 }),
  request_id: $.text('request_id', 'Request', { links: [links.card, links.proof], width: 120 }),
}
