import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/**
 * What axe finds wrong with the page as it is now, in words. The page's own content security policy stays in
 * force: the debugger evaluates, no element is added.
 */
export async function findBarriers(page: Page): Promise<string[]> {
  await page.evaluate(`if (!globalThis.axe) { ${SOURCE} }`)
  const results = (await page.evaluate(
    `axe.run(document, ${JSON.stringify({ runOnly: TAGS })})`,
  )) as AxeResults
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help} – ${target.join(' ')} – ${failureSummary}`),
  )
}
