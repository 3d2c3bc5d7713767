// Where a click leads. Every value goes into an address percent-encoded: names and ids may come from an agent.
local config = import 'config.libsonnet';

local field(name) = '${__data.fields["%s"]:percentencode}' % name;
local here = '${datasource:queryparam}&${__url_time_range}';
local to(uid, parameters) = '/d/%s?%s&%s' % [uid, parameters, here];

{
  action: {
    title: 'One action: trace, timeline, reviews',
    url: to(config.uids.action, 'var-trace=%s&var-request=%s' % [field('trace_id'), field('request_id')]),
  },
  trace: {
    title: 'One action: trace, timeline, reviews',
    url: to(config.uids.action, 'var-trace=' + field('trace_id')),
  },
  agent: {
    title: 'What this agent does',
    url: to(config.uids.agents, 'var-agent=' + field('agent')),
  },
  actionsOfAgent: {
    title: 'Actions of this agent, and who authorized them',
    url: to(config.uids.whoActed, 'var-agent=' + field('agent')),
  },
  card: {
    title: 'Card in the console',
    url: '${console}/requests/%s' % field('request_id'),
    targetBlank: true,
  },
  proof: {
    title: 'Its entries in the ledger, with their leaves',
    url: '${console}/requests/%s#timeline-title' % field('request_id'),
    targetBlank: true,
  },
  checkpoint: {
    title: 'Signed checkpoint in the console, to verify it by',
    url: '${console}/ledger',
    targetBlank: true,
  },

  // At the top of a dashboard: the others, with the same datasource and time.
  others(dashboards): [
    {
      title: one.title,
      type: 'link',
      url: '/d/' + one.uid + '?${datasource:queryparam}',
      keepTime: true,
      includeVars: false,
      targetBlank: false,
      asDropdown: false,
      icon: 'dashboard',
      tags: [],
      tooltip: one.description,
    }
    for one in dashboards
  ],
}
