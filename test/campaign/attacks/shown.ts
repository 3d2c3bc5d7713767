import { cardModel } from '#contract'
import { HOSTILE_TEXTS, hostileCard } from '../../support/hostile.ts'
import { type Attack, guardIn } from './attack.ts'

const visible = guardIn('src/contract/visible.ts')(
  'visible-escapes',
  'Text that steers a terminal, turns round or cannot be seen, shown as it is.',
  'text.replace(UNSHOWN_OR_ESCAPE, escapeOf)',
  'text',
)
const THREAT = 'bidi, zero-width, tag characters, homoglyphs, ANSI'

/** A card into every word of which the text was written, as every channel gets it: none of it may be there as it was. */
export const shownAttacks: readonly Attack[] = HOSTILE_TEXTS.flatMap(({ name, text, raw, dangerousIn }) =>
  // Half a character reaches no card: what has one is refused before.
  raw === undefined || dangerousIn !== 'everywhere' || !text.isWellFormed()
    ? []
    : [
        {
          name: `${name} on a card`,
          threat: THREAT,
          enforcementPoint: 'card',
          guard: visible,
          run: async () =>
            textsOf(hostileCard(text)).some((shown) => shown.includes(raw))
              ? 'it is shown as it was written'
              : undefined,
        },
      ],
)

function textsOf(card: Parameters<typeof cardModel>[0]): string[] {
  const { title, warnings, sections } = cardModel(card)
  return [
    title,
    ...warnings,
    ...sections.flatMap(({ fields }) => fields.flatMap(({ label, text, note }) => [label, text, note ?? ''])),
  ]
}
