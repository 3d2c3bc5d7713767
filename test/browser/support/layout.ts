import type { Page } from 'playwright-core'

/** What makes the page wider than its window, in words; a box that scrolls by itself may hold anything. */
export async function findOverflow(page: Page): Promise<string[]> {
  const widthPx = page.viewportSize()?.width ?? 0
  return page.evaluate<string[]>(`(() => {
    const inOwnBox = (element) => {
      for (let at = element.parentElement; at && at !== document.body; at = at.parentElement)
        if (getComputedStyle(at).overflowX !== 'visible') return true
      return false
    }
    const wide = [...document.body.querySelectorAll('*')].filter((element) => {
      const { right, width, height } = element.getBoundingClientRect()
      return width > 0 && height > 0 && right > ${widthPx} + 1 && !inOwnBox(element)
    })
    const page = document.documentElement.scrollWidth
    return [
      ...(page > ${widthPx} ? ['the page is ' + page + ' px wide, its window ${widthPx}'] : []),
      ...wide.slice(0, 5).map((element) => element.outerHTML.slice(0, 120)),
    ]
  })()`)
}

/**
 * What is too small for a finger: `leastPx` in both directions. Links within a line of text are as high as it is, and a
 * box to tick is as large as its label.
 */
export async function findSmallTargets(page: Page, selector: string, leastPx: number): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    const isInText = (element) =>
      element.matches('a') && getComputedStyle(element).display === 'inline' && element.closest('p, dd, li, td, pre')
    return [...document.querySelectorAll(${JSON.stringify(selector)})].flatMap((element) => {
      const target = element.matches('[type=checkbox], [type=radio]') ? (element.closest('label') ?? element) : element
      const { width, height } = target.getBoundingClientRect()
      const isThere = element.checkVisibility() && width > 1 && height > 1
      return !isThere || isInText(element) || (width >= ${leastPx} && height >= ${leastPx})
        ? []
        : [Math.round(width) + '×' + Math.round(height) + ': ' + element.outerHTML.slice(0, 120)]
    })
  })()`)
}
