/** A browser as far as signing in needs one: cookies with their paths, redirects that stay on the same site. */
export interface Browser {
  /** Where it came to: the page, or the first address on another origin, which is not fetched. */
  get(url: string | URL): Promise<Visit>
  /** As a form of the page at `url` sends it; `headers` are for whoever pretends. */
  post(url: string | URL, form: Record<string, string>, headers?: Record<string, string>): Promise<Visit>
  cookies: { name: string; value: string; path: string }[]
}

export interface Visit {
  url: URL
  status: number
  text: string
  headers: Headers
}

export function createBrowser(home: string): Browser {
  const { origin } = new URL(home)
  const cookies: Browser['cookies'] = []

  async function visit(url: URL, init: RequestInit = {}, redirects = 0): Promise<Visit> {
    if (url.origin !== origin) return { url, status: 0, text: '', headers: new Headers() }
    const cookie = cookies
      .filter(({ path }) => url.pathname.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
    const headers = { accept: 'text/html', cookie, ...(init.headers as Record<string, string> | undefined) }
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) keep(line, url)
    const location = response.headers.get('location')
    if (location === null || redirects > 5)
      return { url, status: response.status, text: await response.text(), headers: response.headers }
    return visit(new URL(location, url), {}, redirects + 1)
  }

  function keep(line: string, url: URL): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    const path = /;\s*path=([^;]+)/i.exec(line)?.[1] ?? url.pathname
    const at = cookies.findIndex((one) => one.name === name && one.path === path)
    if (at >= 0) cookies.splice(at, 1)
    if (value !== '') cookies.push({ name, value, path })
  }

  return {
    cookies,
    get: (url) => visit(new URL(url, home)),
    post: (url, form, headers = { origin }) =>
      visit(new URL(url, home), { method: 'POST', body: new URLSearchParams(form), headers }),
  }
}

/** The hidden fields of the page's first form, to be sent back. */
export const hiddenFields = (html: string): Record<string, string> =>
  Object.fromEntries(
    [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(([, name, value]) => [
      name,
      value,
    ]),
  )
