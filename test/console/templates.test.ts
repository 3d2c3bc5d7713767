import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { html } from '../../src/console/html/html.ts'

const ROOM = join(import.meta.dirname, '../../src/console')
const sources = readdirSync(ROOM, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => [file, readFileSync(join(ROOM, file), 'utf8')] as const)

/** Text that goes into an attribute has to stand between quotes: escaping spaces is nobody's job. */
const UNQUOTED = /<[a-z][^<>`]*\s[\w-]+=\$\{/i
const WITHOUT_ESCAPING = /\braw\(|\bdangerously|\.innerHTML|isEscaped|HtmlEscapedString\b(?!\s*$)/

test('console - no template has a hole for an attribute without quotes', () => {
  for (const [file, source] of sources) expect(source, file).not.toMatch(UNQUOTED)
})

test('console - nothing goes around the escaping', () => {
  for (const [file, source] of sources)
    if (file !== 'html/html.ts') expect(source, file).not.toMatch(WITHOUT_ESCAPING)
    else expect(source).not.toMatch(/\braw\b/)
})

test('console - pages have no inline script, style or handler', () => {
  for (const [file, source] of sources)
    expect(source, file).not.toMatch(/<script>|<style|\sstyle="|\son[a-z]+="/)
})

test('console - the rule finds what it is for', () => {
  expect('html`<a class=\x24{x}>`').toMatch(UNQUOTED)
  expect('html`<input type="text" value=\x24{x}>`').toMatch(UNQUOTED)
  expect('html`<a class="\x24{x}">`').not.toMatch(UNQUOTED)
  expect(`${html`<p title="${'" onclick="x'}">${'<b>'}</p>`}`).toBe(
    '<p title="&quot; onclick=&quot;x">&lt;b&gt;</p>',
  )
})
