import { type TimelineEntry, visible, visibleLine } from '#contract'
import { type Html, html, NOTHING } from '../html/html.ts'
import { moment, personText, STATES, type Tone } from '../html/words.ts'

/** What the ledger has about one request, in its order, and where in the ledger it stands. */
export const timelinePart = (
  entries: readonly TimelineEntry[],
): Html => html`<h2 id="timeline-title">Timeline</h2>
<ol class="timeline">${entries.map((one, at) => entry(one, entries[at - 1]))}</ol>`

function entry(
  { what, atMs, people, reason, errorType, index, leaf, late }: TimelineEntry,
  before?: TimelineEntry,
): Html {
  const { word, tone, sign } = VERDICTS[what] ?? STATES[what as keyof typeof STATES]
  return html`<li class="${late ? 'still' : tone}">
<p class="step"><span class="dot" aria-hidden="true">${sign}</span><b>${what === 'pending' ? 'asked' : word}</b>${late ? html` <span class="late">too late, without effect</span>` : NOTHING}
<time datetime="${new Date(atMs).toISOString()}">${moment(atMs)}</time>${before === undefined ? NOTHING : html` <span class="muted">+${elapsed(atMs - before.atMs)}</span>`}</p>
${people.map((person) => html`<p>${personText(person)} <span class="muted">${visibleLine(person.assurance)}, by ${visibleLine(person.channel)}</span></p>`)}
${reason === undefined || reason === '' || reason === before?.reason ? NOTHING : html`<blockquote>${visible(reason)}</blockquote>`}
${errorType === undefined ? NOTHING : html`<p class="error-type">${visibleLine(errorType)}</p>`}
<p class="leaf">ledger entry ${index} · <code>${visibleLine(leaf)}</code></p>
</li>`
}

const VERDICTS: Readonly<Record<string, { word: string; sign: string; tone: Tone }>> = {
  approve: { word: 'approval', sign: '✓', tone: 'go' },
  deny: { word: 'denial', sign: '✕', tone: 'stop' },
  erased: { word: 'erased', sign: '∅', tone: 'still' },
}

export const elapsed = (ms: number): string => {
  if (ms < 1000) return `${Math.max(0, Math.round(ms * 100) / 100)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  return ms < 3_600_000 ? `${(ms / 60_000).toFixed(1)} min` : `${(ms / 3_600_000).toFixed(1)} h`
}
