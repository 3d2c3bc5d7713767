import { visibleLine } from '#contract'
import { flag, type Html, html, NOTHING } from '../html/html.ts'
import { time } from '../html/words.ts'
import type { HeardAlarm } from '../live/hub.ts'

const SHOWN_FOR_MS = 3_600_000
const MOST = 5

/** What nobody should overlook, of the last hour. The box is there from the start: a script fills it. */
export function alarmsPart(alarms: readonly HeardAlarm[], nowMs: number): Html {
  const recent = alarms.filter(({ alarm }) => nowMs - alarm.atMs < SHOWN_FOR_MS).slice(0, MOST)
  return html`<section id="alarms" class="alarms" aria-labelledby="alarms-title"${flag('hidden', recent.length === 0)}>
<h2 id="alarms-title">Alarms of the last hour</h2>
<ul>${recent.map(alarmItem)}</ul>
<p><a href="/violations?range=24h">Violations of the last 24 hours</a></p>
</section>`
}

export const alarmItem = ({ alarm, id }: HeardAlarm): Html =>
  html`<li data-alarm="${visibleLine(id)}"><b>${visibleLine(alarm.kind)}</b> ${visibleLine(alarm.text)} ${time(alarm.atMs)}${alarm.agentId === undefined ? NOTHING : html` <a href="/agents">${visibleLine(alarm.agentId)}</a>`}</li>
`
