import { VERIFICATIONS, type Verification, visibleLine } from '#contract'
import { type Html, html } from '../html/html.ts'
import type { Tone } from '../html/words.ts'

/** What the pipeline found of an action: a sign and a word say it without the colour. */
export const FINDINGS: Readonly<Record<Verification, { word: string; sign: string; tone: Tone }>> = {
  verified: { word: 'verified', sign: '✓', tone: 'go' },
  refused: { word: 'refused', sign: '⊘', tone: 'still' },
  not_required: { word: 'not required', sign: '–', tone: 'still' },
  observed: { word: 'observed', sign: '◐', tone: 'hold' },
  missing: { word: 'missing', sign: '!', tone: 'stop' },
  forged: { word: 'forged', sign: '✕', tone: 'stop' },
  unbound: { word: 'unbound', sign: '≠', tone: 'stop' },
  replayed: { word: 'replayed', sign: '↻', tone: 'stop' },
  unverifiable: { word: 'unverifiable', sign: '?', tone: 'hold' },
}

const isVerification = (text: string): text is Verification =>
  VERIFICATIONS.some((verification) => verification === text)

export function findingBadge(verification: string): Html {
  if (verification === '') return html`<span class="muted">not judged yet</span>`
  // One of a newer version than this console: worth a look, whatever it is.
  const { word, sign, tone } = isVerification(verification)
    ? FINDINGS[verification]
    : { word: visibleLine(verification), sign: '?', tone: 'hold' }
  return html`<span class="badge ${tone}"><span aria-hidden="true">${sign}</span> ${word}</span>`
}

/** All but what policy allows by itself, which is nearly everything that agents do; `''` is what nobody has judged yet. */
export const UNDER_CONTROL: readonly (Verification | '')[] = [
  '',
  ...VERIFICATIONS.filter((one) => one !== 'not_required'),
]

/** What went round the gate or claims what is not so, and what would have been held; the worst first. */
export const VIOLATIONS = ['forged', 'missing', 'replayed', 'unbound', 'observed'] as const
export type Violation = (typeof VIOLATIONS)[number]

/** Each in one sentence, for somebody who has never seen one. */
export const MEANINGS: Readonly<Record<Violation, string>> = {
  forged: 'The span claims an approval that the ledger contradicts.',
  missing: 'Something that policy holds or denies ran, and nobody had decided.',
  replayed: 'One approval was used by more than one span.',
  unbound: 'The approval is real, but for another trace, span, agent or action.',
  observed: 'It ran because policy only observes there; enforced, it would have been held or denied.',
}
