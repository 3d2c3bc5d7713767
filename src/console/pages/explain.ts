import type { Hono } from 'hono'
import {
  type ExplainCall,
  type ExplainReply,
  HoldpointError,
  type JsonValue,
  needsText,
  parseJson,
  visibleLine,
} from '#contract'
import { type Env, type Parts, page } from '../context.ts'
import { type Html, html, NOTHING } from '../html/html.ts'
import { plural, riskBadge } from '../html/words.ts'
import { requestAddress } from './request-row.ts'
import { elapsed } from './timeline.ts'

type Fields = Readonly<Record<string, string>>

/** Why policy rules as it does: on a request, or on an action that is made up for the purpose. */
export function explainRoutes(app: Hono<Env>, parts: Parts): void {
  app.get('/policy/explain', async (c) => {
    const query = c.req.query()
    const question = questionOf(query)
    const reply = question && (await parts.desk.explain(c.get('session').token, question))
    const of = query.request?.trim()
    const body = html`<p class="crumbs"><a href="/policy">Policy</a> <span aria-hidden="true">›</span> explanation</p>
<h1>${of ? 'Why policy holds it' : 'What would policy say?'}</h1>
${of ? html`<p>Request <a href="${requestAddress(of)}"><code>${visibleLine(of)}</code></a>, by the policy in force now.</p>` : NOTHING}
${reply === undefined ? NOTHING : explanation(reply)}
<section aria-labelledby="try-title"><h2 id="try-title">Try an action</h2>
<p class="hint">Nothing is asked for and nothing is run.</p>${actionForm(query)}</section>`
    return page(c, parts, { title: 'Policy, explained', place: '/policy' }, body)
  })
}

function questionOf(query: Fields): Omit<ExplainCall, 'token'> | undefined {
  const given = (name: string): string | undefined => query[name]?.trim() || undefined
  const [requestId, kind, name] = [given('request'), given('kind'), given('name')]
  if (requestId !== undefined) return { requestId }
  if (kind === undefined || name === undefined) return undefined
  const [target, environment, agentId, typed] = ['target', 'environment', 'agent', 'arguments'].map(given)
  return {
    action: {
      kind,
      name,
      ...(target === undefined ? {} : { target }),
      ...(typed === undefined ? {} : { arguments: jsonOf(typed) }),
    },
    ...(environment === undefined ? {} : { environment }),
    ...(agentId === undefined ? {} : { agentId }),
  }
}

function jsonOf(text: string): JsonValue {
  try {
    return parseJson(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new HoldpointError('INVALID_INPUT', `arguments: expected JSON; ${why}`, { cause })
  }
}

function explanation({ ruling, steps, withAgentFacts, policyVersion }: ExplainReply): Html {
  const { effect, rule, mode, reason, approvals, timeoutMs, validForMs, redact, risk } = ruling
  const tone = { allow: 'go', hold: 'hold', deny: 'stop' }[effect]
  return html`<section class="ruling ${tone}" aria-labelledby="ruling-title"><h2 id="ruling-title">Ruling: ${effect}</h2>
<dl class="facts"><div><dt>Rule</dt><dd>${visibleLine(rule)}</dd></div><div><dt>Policy</dt><dd>version ${policyVersion}, ${mode}</dd></div>
${risk === undefined ? NOTHING : html`<div><dt>Risk</dt><dd>${riskBadge(risk)}</dd></div>`}
${
  effect === 'hold'
    ? html`<div><dt>Needs</dt><dd>${visibleLine(needsText(approvals))}, at least by ${approvals.assurance}${approvals.denials === undefined ? NOTHING : `; denied by ${approvals.denials} of them`}</dd></div>
<div><dt>Waits</dt><dd>${elapsed(timeoutMs)}; an approval is good for ${elapsed(validForMs)}</dd></div>`
    : NOTHING
}
${reason === undefined ? NOTHING : html`<div><dt>Reason</dt><dd>${visibleLine(reason)}</dd></div>`}
${redact.length === 0 ? NOTHING : html`<div><dt>Kept from reviewers</dt><dd>${visibleLine(redact.join(', '))}</dd></div>`}
${(approvals.escalate ?? []).map(({ afterMs, to }) => html`<div><dt>Escalates</dt><dd>after ${elapsed(afterMs)} to ${visibleLine(to.join(', '))}</dd></div>`)}</dl></section>
<section aria-labelledby="steps-title"><h2 id="steps-title">${plural(steps.length, 'rule')} looked at</h2>${stepList(steps)}</section>
${withAgentFacts === undefined ? NOTHING : html`<section aria-labelledby="again-title"><h2 id="again-title">Looked at again with the agent’s own facts, which can only make it stricter</h2>${stepList(withAgentFacts)}</section>`}`
}

const stepList = (steps: ExplainReply['steps']): Html =>
  html`<ol class="steps">${steps.map(({ rule, matched, because }) => html`<li${matched ? html` class="matched"` : NOTHING}><b>${visibleLine(rule)}</b> <span class="verdict">${matched ? 'matches' : 'passes by'}</span> <span class="because">${visibleLine(because)}</span></li>`)}</ol>`

/** Read with GET, since it changes nothing. */
export const actionForm = (
  query: Fields,
): Html => html`<form class="try" method="get" action="/policy/explain">
${box('kind', 'Kind', query, 'tool', true)}${box('name', 'Name', query, 'export_customers', true)}${box('target', 'Target', query)}${box('environment', 'Environment', query, 'prod')}${box('agent', 'Agent’s id', query)}
<label class="broad">Arguments, as JSON<textarea name="arguments" rows="3" maxlength="4000" spellcheck="false">${query.arguments ?? ''}</textarea></label>
<button>Explain</button>
</form>`

const box = (name: string, label: string, query: Fields, example = '', isRequired = false): Html =>
  html`<label>${label}<input name="${name}" value="${query[name] ?? ''}" placeholder="${example}" maxlength="500" autocomplete="off"${isRequired ? html` required` : NOTHING}></label>
`
