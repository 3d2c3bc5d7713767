import { type ShowReply, visibleLine } from '#contract'
import { actionsOfTrace, spansOfTrace } from '#store'
import type { Parts } from '../context.ts'
import { type Html, html, NOTHING } from '../html/html.ts'
import { withPatience } from '../patience.ts'
import { sides, waterfall } from './waterfall.ts'

const MOST_SPANS = 300
const MOST_ACTIONS = 100

/** The request's trace, or what is missing. Never fails. */
export async function tracePart(parts: Parts, { card, summary }: ShowReply): Promise<Html> {
  const { traceId } = card.action.trace
  const isPending = summary.state === 'pending'
  const address = traceAddress(traceId)
  const body = await traceBody(parts, traceId, {
    none: isPending
      ? 'Nothing of this trace has arrived yet: a span is sent when it ends, and this one waits.'
      : 'Nothing of this trace has arrived in ClickHouse yet.',
    unanswered: 'The timeline above is from the ledger, and whole.',
  })
  return html`<section id="trace" class="trace" aria-labelledby="trace-title"><h2 id="trace-title">Trace</h2>
${body}${address === undefined ? NOTHING : html`<p class="hint"><a href="${address}">This trace by itself</a></p>`}</section>`
}

/** Undefined for what is no trace: an agent that does not trace, or somebody’s text in its place. */
export const traceAddress = (traceId: string): string | undefined =>
  TRACE_ID.test(traceId) && !NO_TRACE.test(traceId) ? `/traces/${traceId}` : undefined

export const TRACE_ID = /^[0-9a-f]{32}$/
const NO_TRACE = /^0*$/

export interface TraceWords {
  /** Where there is nothing of it. */
  none: string
  /** What somebody may rely on all the same. */
  unanswered: string
}

/** Spans and gated actions of a trace, or what is missing. Never fails. */
export async function traceBody(parts: Parts, traceId: string, words: TraceWords): Promise<Html> {
  const { store, log, patienceMs } = parts
  if (NO_TRACE.test(traceId)) return missing('The agent’s process does not trace, so there is no trace.')
  if (store === undefined)
    return missing(
      'This console has no ClickHouse to read traces from; clickhouse.url in the configuration names one.',
    )
  try {
    const asked = Promise.all([
      spansOfTrace(store, traceId, MOST_SPANS + 1),
      actionsOfTrace(store, traceId, MOST_ACTIONS + 1),
    ])
    const [allSpans, allActions] = await withPatience(patienceMs, asked)
    const spans = allSpans.slice(0, MOST_SPANS)
    const actions = allActions.slice(0, MOST_ACTIONS)
    const ids = new Set(spans.map(({ spanId }) => spanId))
    const apart = actions.filter(({ spanId }) => !ids.has(spanId))
    return html`<p class="hint">Trace <code>${visibleLine(traceId)}</code>. Names, times and attributes are what the processes say; who acted, who authorized it and the verification are out of the ledger.</p>
${spans.length === 0 ? missing(words.none) : waterfall(spans, actions)}
${allSpans.length > MOST_SPANS ? html`<p class="caution">Only ${MOST_SPANS} of its spans are shown, what ran unapproved among them.</p>` : NOTHING}
${apart.length === 0 ? NOTHING : html`<h3>Actions whose spans are not here</h3>${apart.map(sides)}`}
${allActions.length > MOST_ACTIONS ? html`<p class="caution">Only ${MOST_ACTIONS} of its actions are shown, what ran unapproved among them.</p>` : NOTHING}`
  } catch (error) {
    log.warn('a trace could not be read', { traceId, error })
    return missing(`ClickHouse did not answer. ${words.unanswered}`)
  }
}

const missing = (why: string): Html => html`<p class="empty">${why}</p>`
