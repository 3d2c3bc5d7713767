import type { Locator, Page } from 'playwright-core'

/** A request's row in a list, wherever on the page it stands. */
export const rowOf = (page: Page, requestId: string): Locator => page.locator(`[data-request="${requestId}"]`)

export const approveOf = (page: Page): Locator => page.getByRole('button', { name: 'Approve', exact: true })
export const denyOf = (page: Page): Locator => page.getByRole('button', { name: 'Deny', exact: true })

/** The code with which the page says that something was refused. */
export const refusalOf = (page: Page): Locator => page.getByRole('alert').locator('.code')

/** Opens the card that a person finds in the inbox. */
export async function openFromInbox(page: Page, url: string, requestId: string): Promise<void> {
  await page.goto(`${url}/`)
  await rowOf(page, requestId).getByRole('link').first().click()
  await page.waitForURL(`${url}/requests/${requestId}`)
}

/** With the card open. Resolves on the page that comes after. */
export async function decide(page: Page, verdict: 'Approve' | 'Deny', reason: string): Promise<void> {
  await page.getByLabel('Reason').fill(reason)
  await Promise.all([
    page.waitForResponse((response) => response.request().isNavigationRequest() && response.ok()),
    (verdict === 'Approve' ? approveOf(page) : denyOf(page)).click(),
  ])
  await page.waitForLoadState()
}

/** What the page's form for a review would send. */
export async function formOf(page: Page): Promise<Record<string, string>> {
  const form = page.locator('form[action$="/review"]')
  const inputs = await form.locator('input[type=hidden]').all()
  return Object.fromEntries(
    await Promise.all(
      inputs.map(async (input) => [await input.getAttribute('name'), await input.inputValue()]),
    ),
  )
}

/** Posts a form of this very page that the page does not have, as a person with a debugger would. */
export async function forcePost(page: Page, path: string, fields: Record<string, string>): Promise<void> {
  await Promise.all([
    page.waitForResponse((response) => response.request().method() === 'POST'),
    page.evaluate(`{
      const form = document.createElement('form')
      Object.assign(form, { method: 'post', action: ${JSON.stringify(path)} })
      for (const [name, value] of Object.entries(${JSON.stringify(fields)}))
        form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }))
      document.body.append(form)
      form.submit()
    }`),
  ])
  await page.waitForLoadState()
}
