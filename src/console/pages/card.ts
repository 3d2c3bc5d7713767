import type { CardField, CardModel, CardSection } from '#contract'
import { type Html, html, NOTHING } from '../html/html.ts'

/**
 * The card as the model has it: its order, its words, nothing added. A review carries the digest of this markup, so
 * nothing may stand in it that is not the same for everybody, at any time.
 */
export const cardPart = ({
  sections,
  warnings,
}: CardModel): Html => html`<article class="card" aria-label="What is to be decided">
${warnings.length === 0 ? NOTHING : html`<section class="warnings" aria-labelledby="card-warnings"><h2 id="card-warnings">Look twice</h2><ul>${warnings.map((warning) => html`<li>${warning}</li>`)}</ul></section>`}
${sections.map(section)}</article>`

const section = ({ id, title, isTestimony, fields }: CardSection): Html =>
  html`<section class="part${isTestimony ? ' testimony' : ''}" aria-labelledby="card-${id}">
<h2 id="card-${id}">${title}</h2>
<dl>${fields.map(field)}</dl>
</section>
`

// A block has to be scrolled sideways by people who have a keyboard alone, too.
const field = ({ label, text, form, note }: CardField): Html =>
  form === 'block' || form === 'diff'
    ? html`<div class="wide"><dt><b>${label}</b>${noted(note)}</dt><dd><pre tabindex="0" role="group" aria-label="${label}"${form === 'diff' ? html` class="diff"` : NOTHING}>${form === 'diff' ? diff(text) : text}</pre></dd></div>`
    : html`<div><dt>${label}</dt><dd><span class="value${form === 'code' ? ' code' : ''}">${text}</span>${noted(note)}</dd></div>`

/** The same text, line for line: colour and the names of the elements say once more what its signs say. */
const diff = (text: string): Html =>
  html`${text.split('\n').map((line, at) => html`${at > 0 ? '\n' : ''}${diffLine(line)}`)}`

const diffLine = (line: string): Html => {
  if (line.startsWith('+')) return html`<ins>${line}</ins>`
  return line.startsWith('-') ? html`<del>${line}</del>` : html`${line}`
}

const noted = (note: string | undefined): Html =>
  note === undefined ? NOTHING : html` <span class="note">${note}</span>`
