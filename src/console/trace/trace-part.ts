import { type ShowReply, visibleLine } from '#contract'
import { actionsOfTrace, spansOfTrace } from '#store'
import type { Parts } from '../context.ts'
import { type Html, html, NOTHING } from '../html/html.ts'
import { sides, waterfall } from './waterfall.ts'

const MOST_SPANS = 300
const MOST_ACTIONS = 100
/** A store that takes longer than this is not waited for: people came to decide. */
const PATIENCE_MS = 4_000

/** The request's trace, or what is missing. Never fails. */
export async function tracePart(parts: Parts, { card, summary }: ShowReply): Promise<Html> {
  return html`<section id="trace" class="trace" aria-labelledby="trace-title"><h2 id="trace-title">Trace</h2>
${await traceBody(parts, card.action.trace.traceId, summary.state === 'pending')}</section>`
}

async function traceBody({ store, log }: Parts, traceId: string, isPending: boolean): Promise<Html> {
  if (/^0*$/.test(traceId)) return missing('The agent’s process does not trace, so there is no trace.')
  if (store === undefined)
    return missing(
      'This console has no ClickHouse to read traces from; clickhouse.url in the configuration names one.',
    )
  try {
    const [spans, actions] = await within(
      Promise.all([
        spansOfTrace(store, traceId, MOST_SPANS + 1),
        actionsOfTrace(store, traceId, MOST_ACTIONS),
      ]),
    )
    const shown = spans.slice(0, MOST_SPANS)
    const ids = new Set(shown.map(({ spanId }) => spanId))
    const apart = actions.filter(({ spanId }) => !ids.has(spanId))
    return html`<p class="hint">Trace <code>${visibleLine(traceId)}</code>. Names, times and attributes are what the processes say; who acted, who authorized it and the verification are out of the ledger.</p>
${shown.length === 0 ? missing(isPending ? 'Nothing of this trace has arrived yet: a span is sent when it ends, and this one waits.' : 'Nothing of this trace has arrived in ClickHouse yet.') : waterfall(shown, actions)}
${spans.length > MOST_SPANS ? html`<p class="caution">Only the first ${MOST_SPANS} spans are shown.</p>` : NOTHING}
${apart.length === 0 ? NOTHING : html`<h3>Actions whose spans are not here</h3>${apart.map(sides)}`}`
  } catch (error) {
    log.warn('a trace could not be read', { traceId, error })
    return missing('ClickHouse did not answer. The timeline above is from the ledger, and whole.')
  }
}

const missing = (why: string): Html => html`<p class="empty">${why}</p>`

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
