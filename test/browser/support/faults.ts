import type { BrowserContext, Page } from 'playwright-core'

/** What no page of ours ever does, whatever an agent writes: every test ends by finding none of it. */
export interface Faults {
  /** In words, in the order in which they happened. */
  list(): string[]
}

/** Watches every page of the context, from before its first. `origins` are the only ones that may be spoken to. */
export function watchFaults(context: BrowserContext, origins: readonly string[]): Faults {
  const faults: string[] = []
  const watch = (page: Page): void => {
    page.on('dialog', (dialog) => {
      faults.push(`a dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('pageerror', (error) => faults.push(`a script failed: ${error.message}`))
    page.on('console', (message) => {
      const text = message.text()
      // A document that is refused with its status says so here, too; what it loads is looked at below.
      if (/^Failed to load resource: the server responded with a status of 4\d\d/.test(text)) return
      if (['error', 'warning'].includes(message.type())) faults.push(`${message.type()}: ${text}`)
    })
  }
  context.on('page', watch)
  context.on('request', (request) => {
    const { origin, protocol } = new URL(request.url())
    if (!origins.includes(origin) && protocol !== 'about:') faults.push(`a request to ${request.url()}`)
  })
  context.on('response', (response) => {
    const { pathname } = new URL(response.url())
    // A refused page has its status, and a stream whose session has ended learns it so.
    const isExpected = response.request().resourceType() === 'document' || pathname === '/events'
    if (response.status() >= 500 || (response.status() >= 400 && !isExpected))
      faults.push(`${response.status()} for ${response.url()}`)
  })
  return { list: () => [...faults] }
}
