import {
  actionTitle,
  durationText,
  type Principal,
  type RequestState,
  timeLeftText,
  visibleLine,
} from '#contract'
import { type Html, html } from './html.ts'

/** Whatever somebody else wrote, on one line, short, with nothing hidden in it. */
export const short = (text: string): string => actionTitle({ name: text })

export const personText = ({ name, sub }: { name: string; sub: string }): string =>
  visibleLine(name === '' || name === sub ? sub : `${name} (${sub})`)

export const principalText = ({ sub, iss }: Principal): string => visibleLine(`${sub} (${iss})`)

/** Counts down where there is a script, and says when it ends where there is none. */
export const timeLeft = (expiresAtMs: number, nowMs: number): Html =>
  html`<time data-left datetime="${iso(expiresAtMs)}" title="until ${moment(expiresAtMs)}">${timeLeftText(expiresAtMs - nowMs)}</time>`

/** The other way round: when something begins. */
export const timeUntil = (atMs: number, nowMs: number): Html =>
  html`<time data-in datetime="${iso(atMs)}" title="from ${moment(atMs)} on">in ${durationText(atMs - nowMs)}</time>`

export const time = (atMs: number): Html => html`<time datetime="${iso(atMs)}">${moment(atMs)}</time>`

/** `2026-11-21 04:31:07 UTC`: one clock for everybody who looks at the same request. */
export const moment = (atMs: number): string => `${iso(atMs).slice(0, 19).replace('T', ' ')} UTC`

/** Hostile clocks exist; a page must not fail on one. */
const iso = (atMs: number): string =>
  new Date(Math.min(Math.max(atMs, 0), 8_640_000_000_000_000)).toISOString()

export const ago = (atMs: number, nowMs: number): string => {
  const seconds = Math.max(0, Math.round((nowMs - atMs) / 1000))
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / 86_400)} d ago`
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`

/** What a state looks like: `tone` gives the colour, and the sign and the word say it without one. */
export const STATES: Readonly<Record<RequestState, { word: string; sign: string; tone: Tone }>> = {
  pending: { word: 'waiting', sign: '◐', tone: 'hold' },
  approved: { word: 'approved', sign: '✓', tone: 'go' },
  denied: { word: 'denied', sign: '✕', tone: 'stop' },
  expired: { word: 'expired', sign: '○', tone: 'still' },
  cancelled: { word: 'cancelled', sign: '–', tone: 'still' },
  consumed: { word: 'in use', sign: '▸', tone: 'go' },
  lapsed: { word: 'lapsed', sign: '○', tone: 'still' },
  revoked: { word: 'revoked', sign: '–', tone: 'still' },
  executed: { word: 'executed', sign: '✓', tone: 'go' },
  failed: { word: 'failed', sign: '!', tone: 'stop' },
  ambiguous: { word: 'ambiguous', sign: '?', tone: 'stop' },
}
export type Tone = 'hold' | 'go' | 'stop' | 'still'

export const stateBadge = (state: RequestState): Html => {
  const { word, sign, tone } = STATES[state]
  return html`<span class="badge ${tone}"><span aria-hidden="true">${sign}</span> ${word}</span>`
}

export const riskBadge = (risk: string | undefined): Html =>
  risk === undefined
    ? html`<span class="muted">not rated</span>`
    : html`<span class="risk ${RISKS.has(risk) ? risk : 'high'}">${visibleLine(risk)}</span>`
const RISKS = new Set(['low', 'medium', 'high', 'critical'])
