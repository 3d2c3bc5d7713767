import { expect } from 'vitest'
import type { Card, CardField, CardModel, JsonValue } from '#contract'
import { hostileCard } from './hostile.ts'

export const card: Card = hostileCard('ordinary', {
  agent: { iss: 'o', sub: 'support-agent', name: 'Support' },
  redacted: [{ path: '/arguments/password', length: 12, digest: `sha-256:${'0'.repeat(64)}`, by: 'policy' }],
  statement: 'The CEO has approved this.',
  facts: [
    { name: 'estimated_rows', value: 3, source: 'agent' },
    { name: 'refusals', value: 2, source: 'broker' },
  ],
})
export const withArguments = (given: JsonValue, kind = 'tool'): Card => ({
  ...card,
  action: { ...card.action, kind, arguments: given },
})
export const section = (model: CardModel, id: string) => {
  const found = model.sections.find((one) => one.id === id)
  if (!found) throw new Error(`no section ${id}`)
  return found
}
export const field = (model: CardModel, id: string, label: string): CardField => {
  const found = section(model, id).fields.find((one) => one.label === label)
  if (!found) throw new Error(`no field ${label}`)
  return found
}
export const argumentsOf = (model: CardModel): string => field(model, 'action', 'Arguments').text

export const textsOf = (model: CardModel): string[] => [
  model.requestId,
  model.title,
  ...model.warnings,
  ...model.sections.flatMap(({ title, fields }) => [
    title,
    ...fields.flatMap(({ label, text, note }) => [label, text, note ?? '']),
  ]),
]
const UNSHOWN = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/u

export function expectSafe(model: CardModel): void {
  for (const text of textsOf(model)) expect(UNSHOWN.exec(text)?.[0].codePointAt(0)).toBeUndefined()
  for (const { fields } of model.sections)
    for (const { form, text, note } of fields) {
      if (form === 'line') expect(text).not.toContain('\n')
      expect(note ?? '').not.toContain('\n')
    }
  for (const line of [model.title, model.requestId, ...model.warnings]) expect(line).not.toContain('\n')
}
