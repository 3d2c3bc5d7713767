import type { Hono } from 'hono'
import { type AgentSummary, visibleLine } from '#contract'
import { type Env, type Parts, page } from '../context.ts'
import { since } from '../frozen.ts'
import { type Html, html, NOTHING } from '../html/html.ts'
import { ago, plural, principalText, short } from '../html/words.ts'
import { listAddress } from './filter.ts'

/** Who may ask, whose they are, and whether they are there. */
export function agentRoutes(app: Hono<Env>, parts: Parts): void {
  app.get('/agents', async (c) => {
    const { agents, frozen } = await parts.desk.agents(c.get('session').token)
    const nowMs = parts.now()
    const body = html`<div class="head"><h1 id="agents">Agents</h1><p class="tally"><span>${plural(agents.length, 'registered agent')}</span> ${frozen === undefined ? html`<a class="button" href="/freeze">Freeze all …</a>` : html`<a class="button" href="/thaw">Thaw all …</a>`}</p></div>
${
  agents.length === 0
    ? EMPTY
    : html`<table role="table" class="agents" aria-labelledby="agents">
<thead role="rowgroup"><tr role="row">${HEADS.map((head) => html`<th role="columnheader" scope="col">${head}</th>`)}</tr></thead>
<tbody role="rowgroup">${agents.map((agent) => row(agent, nowMs))}</tbody>
</table>`
}`
    return page(c, parts, { title: 'Agents', place: '/agents' }, body)
  })
}

const HEADS = ['Agent', 'Owner', 'Environment', 'Connected', 'Requests', 'Stop']

const row = (agent: AgentSummary, nowMs: number): Html => html`<tr role="row">
<td role="cell" class="what"><b>${short(agent.name)}</b><span class="sub">${visibleLine(agent.agentId)}</span>${agent.frozen === undefined ? NOTHING : html`<span class="sub"><span class="badge stop"><span aria-hidden="true">❄</span> frozen</span> ${since(agent.frozen)}</span>`}</td>
<td role="cell">${principalText(agent.owner)}</td>
<td role="cell">${short(agent.environment)}<span class="sub">${ENFORCEMENT[agent.enforcement]}</span></td>
<td role="cell">${agent.processes > 0 ? html`<span class="badge go"><span aria-hidden="true">●</span> ${plural(agent.processes, 'process', 'processes')}</span>` : html`<span class="badge still"><span aria-hidden="true">○</span> not connected</span>`}${agent.heardAtMs === undefined ? NOTHING : html`<span class="sub">heard ${ago(agent.heardAtMs, nowMs)}</span>`}</td>
<td role="cell" class="count"><a href="${listAddress('/', { agent: agent.agentId }, { show: 'all' })}">${agent.pending} waiting</a><span class="sub"><a href="${listAddress('/history', { agent: agent.agentId })}">${agent.requests} asked</a>, ${agent.approved} approved, ${agent.denied} denied</span></td>
<td role="cell" class="stops">${change(agent)}</td>
</tr>`

const change = ({ agentId, name, frozen }: AgentSummary): Html => {
  const [path, word] = frozen === undefined ? ['freeze', 'Freeze …'] : ['thaw', 'Thaw …']
  return html`<a class="button" href="/agents/${agentId}/${path}">${word}<span class="unseen"> ${short(name)}</span></a>`
}

const ENFORCEMENT = {
  'in-process': 'stopped in its own process',
  gateway: 'stopped at a gateway',
  resource: 'stopped at the service itself',
} as const

const EMPTY = html`<div class="empty"><p><strong>No agent is registered.</strong> <code>holdpoint agent add NAME --owner PERSON --environment ENV</code> registers one and prints what it needs.</p></div>`
