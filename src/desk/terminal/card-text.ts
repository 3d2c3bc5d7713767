import type { CardField, CardModel, CardSection, StatusModel } from '#contract'
import { plain, type Style } from './terminal.ts'
import { cells, wrap } from './wrap.ts'

/** Where a field's text begins. Nothing of an agent's ever stands to the left of it. */
const TEXT_AT = 24
const CONTINUED = '┆ '

/** A card as lines of at most `columns` cells. Its words come from the model, which has made them visible. */
export const cardText = (
  model: CardModel,
  status: StatusModel,
  columns: number,
  style: Style = plain,
): string => [...statusLines(model, status, columns, style), ...cardLines(model, columns, style)].join('\n')

/** What is frozen. */
export const cardLines = (model: CardModel, columns: number, style: Style = plain): string[] => [
  '',
  ...hanging('Action   ', model.title, columns).map((line) => style('bold', line)),
  ...warningLines(model, columns, style),
  ...model.sections.flatMap((section) =>
    section.isTestimony ? testimonyLines(section, columns, style) : sectionLines(section, columns, style),
  ),
]

const sectionLines = ({ title, fields }: CardSection, columns: number, style: Style): string[] => [
  '',
  style('bold', title),
  ...fields.flatMap((field) => fieldLines(field, columns, style)),
]

/** What changes while the card stays what it is. */
export function statusLines(
  { requestId }: Pick<CardModel, 'requestId'>,
  status: StatusModel,
  columns: number,
  style: Style = plain,
): string[] {
  const live = [status.text, status.timeLeft, approvalsMissing(status), status.denials]
  return [
    `${style('bold', 'Request')}  ${requestId}`,
    ...wrap(live.filter((part) => part !== undefined).join(' · '), columns - 2).map(
      (line) => `  ${style('cyan', line)}`,
    ),
    ...status.escalation.flatMap(({ isReached, text }) =>
      hanging(isReached ? '  ✓ ' : '  … ', text, columns),
    ),
    ...status.reviews.flatMap((line) => hanging('  ', line, columns)),
  ]
}

/** `2 more approvals needed: 1 of data-owners, and 1 of security-oncall`; undefined where none is. */
export const approvalsMissing = ({ missing, missingOf }: StatusModel): string | undefined =>
  missingOf === undefined
    ? undefined
    : `${missing} more ${missing === 1 ? 'approval' : 'approvals'} needed: ${missingOf}`

const warningLines = ({ warnings, isWhole }: CardModel, columns: number, style: Style): string[] => {
  const all = [
    ...warnings,
    ...(isWhole ? [] : ['Not all of it stands here: see it in full before you approve']),
  ]
  if (all.length === 0) return []
  return [
    '',
    style('yellow', '!! Look twice'),
    ...all.flatMap((one) => hanging('!! ', one, columns)).map((line) => style('yellow', line)),
  ]
}

/** A box without a right side: an attacker who knows a letter of doubtful width cannot tear it open. */
function testimonyLines({ title, fields }: CardSection, columns: number, style: Style): string[] {
  const rule = '─'.repeat(Math.max(2, columns - cells(title) - 4))
  return [
    '',
    style('yellow', `┌─ ${title} ${rule}`.slice(0, columns)),
    ...fields.flatMap(({ text, note }) => [
      ...textLines(text, '│ ', columns),
      ...(note === undefined ? [] : noteLines(note, '├ ', columns, style)),
    ]),
    style('yellow', `└${'─'.repeat(columns - 1)}`),
  ]
}

function fieldLines({ label, text, form, note }: CardField, columns: number, style: Style): string[] {
  const head = `  ${style('dim', label)}${' '.repeat(Math.max(1, TEXT_AT - 2 - label.length))}`
  if (form === 'block' || form === 'diff')
    return [
      ...(note === undefined ? [head.trimEnd()] : notedHead(head, note, columns, style)),
      ...(form === 'diff' ? diffLines(text, columns, style) : textLines(text, '  │ ', columns)),
    ]
  // Two spaces before a parenthesis are ours: nobody writes a note of their own.
  const shown = text.replaceAll('  (', ' \\u{20}(')
  const noted = note === undefined ? '' : `  (${note})`
  if (cells(shown) + cells(noted) <= columns - TEXT_AT) return [head + shown + style('dim', noted)]
  const [first = '', ...rest] = wrap(shown, columns - TEXT_AT)
  const indent = ' '.repeat(TEXT_AT - CONTINUED.length)
  return [
    head + first,
    ...rest.map((line) => indent + CONTINUED + line),
    ...(note === undefined ? [] : noteLines(note, `${indent}· `, columns, style)),
  ]
}

const notedHead = (head: string, note: string, columns: number, style: Style): string[] => {
  const [first = '', ...rest] = wrap(note, columns - TEXT_AT)
  return [head + style('dim', first), ...rest.map((line) => ' '.repeat(TEXT_AT) + style('dim', line))]
}

const noteLines = (note: string, lead: string, columns: number, style: Style): string[] =>
  wrap(note, columns - lead.length).map((line) => style('dim', lead + line))

/** Every line of an agent's text behind a mark of ours: one for a line, another for what continues one. */
function textLines(text: string, lead: string, columns: number): string[] {
  const continued = `${' '.repeat(lead.length - CONTINUED.length)}${CONTINUED}`
  return text
    .split('\n')
    .flatMap((line) =>
      wrap(line, columns - lead.length).map((part, at) => (at === 0 ? lead : continued) + part),
    )
}

/** Only colour is added to its lines: the sign at the beginning of each says the same without one. */
const diffLines = (text: string, columns: number, style: Style): string[] =>
  text.split('\n').flatMap((line) => {
    const colour = line.startsWith('+') ? 'green' : line.startsWith('-') ? 'red' : undefined
    const shown = textLines(line, '  │ ', columns)
    return colour === undefined ? shown : shown.map((one) => style(colour, one))
  })

const hanging = (lead: string, text: string, columns: number): string[] => {
  const continued = `${' '.repeat(lead.length)}${CONTINUED}`
  return wrap(text, columns - continued.length).map((line, at) => (at === 0 ? lead : continued) + line)
}
