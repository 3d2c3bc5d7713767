import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults, RunOptions } from 'axe-core'
import type { Page } from 'playwright-core'

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** What a colour scheme may change. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block']

/**
 * What axe finds wrong with the page as it is now, in words. The page's own content security policy stays in
 * force: the debugger evaluates, no element is added.
 */
export const findBarriers = (page: Page): Promise<string[]> => runAxe(page, { runOnly: TAGS })

/** The same in both colour schemes; ends in the dark. */
export async function findBarriersInBoth(page: Page): Promise<string[]> {
  await page.emulateMedia({ colorScheme: 'light' })
  const light = await findBarriers(page)
  await page.emulateMedia({ colorScheme: 'dark' })
  const dark = await runAxe(page, { runOnly: { type: 'rule', values: COLOUR_RULES } })
  return [...light, ...dark.map((barrier) => `dark: ${barrier}`)]
}

async function runAxe(page: Page, options: RunOptions): Promise<string[]> {
  await page.evaluate(`if (!globalThis.axe) { ${SOURCE} }`)
  const { violations } = await page.evaluate<AxeResults>(`axe.run(document, ${JSON.stringify(options)})`)
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help} – ${target.join(' ')} – ${failureSummary}`),
  )
}
