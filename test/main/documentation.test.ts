import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const sectionOf = (page: string, heading: string): string =>
  page.split(/^## /m).find((section) => section.startsWith(`${heading}\n`)) ?? ''
const rowsOf = (section: string): string[] => section.split('\n').filter((line) => line.startsWith('| '))
const namesIn = (text: string): string[] => [...text.matchAll(/`([^`…]+)`/g)].map(([, name = '']) => name)

test('documentation - the README’s commands are all that there are, each once', () => {
  const { stdout } = spawnSync(process.execPath, [join(root, 'src/main/holdpoint.ts'), '--help'], {
    encoding: 'utf8',
  })
  const commands = [...stdout.matchAll(/^ {2}([a-z-]+(?: [a-z-]+)?) {2}/gm)].map(([, name = '']) => name)
  expect(commands.length).toBeGreaterThan(30)
  expect(
    rowsOf(sectionOf(read('README.md'), 'Commands'))
      .flatMap(namesIn)
      .toSorted(),
  ).toEqual(commands.toSorted())
})

test.each(['broker', 'pipeline'])(
  'documentation - every folder of the %s has its line, and none that is not there',
  (room) => {
    const folders = readdirSync(join(root, 'src', room), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
    const rows = rowsOf(sectionOf(read('src/README.md'), `Inside the ${room}`))
    expect(rows.flatMap((row) => /^\| `([a-z]+)` \| .+ \|$/.exec(row)?.[1] ?? []).toSorted()).toEqual(
      folders.toSorted(),
    )
  },
)

test('documentation - the README leads to every page of docs, and no link of any page is dead', () => {
  const pages = readdirSync(join(root, 'docs')).filter((file) => file.endsWith('.md'))
  for (const page of pages) expect(read('README.md')).toContain(`(docs/${page}`)
  const dead = [
    'README.md',
    'SECURITY.md',
    'CONTRIBUTING.md',
    'src/README.md',
    ...pages.map((page) => `docs/${page}`),
  ].flatMap((page) =>
    linksOf(page)
      .filter((link) => !isThere(page, link))
      .map((link) => `${page}: ${link}`),
  )
  expect(dead).toEqual([])
})

const linksOf = (page: string): string[] =>
  [...read(page).matchAll(/\]\(([^)\s]+)\)|src="([^"]+)"/g)]
    .map(([, link, source]) => link ?? source ?? '')
    .filter((link) => !/^[a-z]+:/.test(link))

function isThere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  try {
    const target = path === '' ? page : join(page, '..', path)
    const text = read(target)
    return anchor === undefined || anchorsOf(text).includes(anchor)
  } catch {
    return false
  }
}

/** As a forge makes them out of headings. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
