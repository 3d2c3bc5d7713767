import { expect, test } from 'vitest'
import { COMMAND_ROOMS, commandsFor } from '../../src/main/commands.ts'

const firstWord = ({ name }: { name: string }) => name.split(' ', 1)[0] as string

test.each(COMMAND_ROOMS.map((room) => [room.words.join(', '), room] as const))(
  'commands - what begins with %s stands where it is looked for',
  async (_words, { words, load }) => {
    expect(new Set((await load()).map(firstWord))).toEqual(new Set(words))
  },
)

test('commands - a word loads what it begins, and no word, or a wrong one, everything', async () => {
  expect(new Set((await commandsFor('policy')).map(firstWord))).toContain('policy')
  expect((await commandsFor('sql')).map(({ name }) => name)).toEqual(['sql'])
  const all = await commandsFor(undefined)
  expect((await commandsFor('polcy')).map(({ name }) => name)).toEqual(all.map(({ name }) => name))
  expect(await commandsFor('--version')).toEqual([])
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
})
