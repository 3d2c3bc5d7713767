import { visible, visibleLine } from '#contract'
import type { TraceAction, TraceSpan } from '#store'
import { type Html, html, NOTHING } from '../html/html.ts'
import { short } from '../html/words.ts'
import { requestAddress } from '../pages/request-row.ts'
import { elapsed } from '../pages/timeline.ts'
import { type PlacedSpan, placeSpans } from './tree.ts'

/** Spans beside each other in time; where one is a gated action, who acted and who authorized it beside it. */
export function waterfall(spans: readonly TraceSpan[], actions: readonly TraceAction[]): Html {
  const { placed, totalNs } = placeSpans(spans)
  // A span may be two rows: what was asked for, and what was found of another claim under the same ids.
  const bySpan = Map.groupBy(actions, ({ spanId }) => spanId)
  return html`<ol class="waterfall">${placed.map((one) => row(one, totalNs, bySpan.get(one.span.spanId)))}</ol>`
}

function row(
  { span, depth, offsetNs, durationNs }: PlacedSpan,
  totalNs: number,
  actions: readonly TraceAction[] = [],
): Html {
  const isWait = /^await_approval( |$)/.test(span.name)
  const isFailed = /error/i.test(span.status)
  const share = (ns: number): string => `${Math.min(100, Math.max(0, (100 * ns) / totalNs)).toFixed(3)}%`
  const wide = Math.max(0.4, (100 * durationNs) / totalNs)
  return html`<li class="span${isWait ? ' wait' : ''}${isFailed ? ' failed' : ''}">
<details><summary><span class="name depth-${Math.min(depth, 8)}">${short(span.name)}<span class="sub">${short(span.service)}${isWait ? ' · waiting for people' : ''}${isFailed ? ' · failed' : ''}</span></span>
<svg class="bar-of" width="100%" height="14" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="track" x="0" y="6" width="100%" height="2"/><rect class="length" x="${share(offsetNs)}" y="2" width="${Math.min(100, wide).toFixed(3)}%" height="10" rx="2"/></svg>
<span class="took">${elapsed(durationNs / 1e6)}</span></summary>
${attributes(span)}</details>
${actions.map(sides)}
</li>`
}

const attributes = ({
  attributes,
  status,
  statusMessage,
  kind,
  spanId,
}: TraceSpan): Html => html`<dl class="attributes">
<div><dt>span</dt><dd>${visibleLine(spanId)} ${visibleLine(kind)}</dd></div>
<div><dt>status</dt><dd>${visibleLine(status)} ${visibleLine(statusMessage)}</dd></div>
${attributes.map(([key, value]) => html`<div><dt>${visibleLine(key)}</dt><dd>${visible(value)}</dd></div>`)}
</dl>`

/** Out of the ledger and the pipeline's findings. Nothing here was read from a span. */
export const sides = (action: TraceAction): Html => html`<div class="sides">
<p><b>Acted</b> ${short(action.agent)}${action.owner === '' ? NOTHING : html` <span class="muted">owned by ${visibleLine(subjectOf(action.owner))}</span>`}</p>
<p><b>Authorized</b> ${authorized(action)}</p>
<p><b>Became</b> ${visibleLine(became(action.outcome))}${action.contradicted ? html` <strong>the ledger rows contradict each other</strong>` : NOTHING}</p>
<p><b>Verified</b> ${action.verification === '' ? html`<span class="muted">not judged yet</span>` : html`<span class="finding ${FINE.has(action.verification) ? 'go' : 'stop'}">${visibleLine(action.verification)}</span>`}</p>
${action.requestId === '' ? NOTHING : html`<p><b>Request</b> <a href="${requestAddress(action.requestId)}">${short(action.requestId)}</a></p>`}
${action.detail === '' ? NOTHING : html`<p class="because">${visibleLine(action.detail)}</p>`}
</div>`

const became = (outcome: string): string =>
  outcome === 'pending' ? 'not run yet' : outcome === '' ? 'unknown' : outcome

/** Of `issuer#subject`, which stands in full on the card. */
const subjectOf = (principal: string): string => principal.slice(principal.lastIndexOf('#') + 1)

const FINE = new Set(['verified', 'refused', 'not_required', 'observed'])

function authorized({ ruling, rule, decision, approvers, refusedBy }: TraceAction): Html {
  const by = `by rule ${rule}`
  if (approvers.length > 0)
    return html`${visibleLine(approvers.join(', '))} <span class="muted">${visibleLine(by)}</span>`
  if (refusedBy.length > 0) return html`nobody: denied by ${visibleLine(refusedBy.join(', '))}`
  if (decision === 'pending') return html`nobody yet`
  if (decision !== '') return html`nobody: ${visibleLine(decision)}`
  if (ruling === 'deny') return html`nobody: policy denies it, ${visibleLine(by)}`
  return ruling === 'allow' ? html`policy alone, ${visibleLine(by)}` : html`nobody`
}
