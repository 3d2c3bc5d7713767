import type { createConsole } from '#console'

export const ORIGIN = 'http://127.0.0.1:7070'
export const CHROMIUM = 'Mozilla/5.0 (X11; Linux x86_64) Chromium/142'

type Headers = Record<string, string | undefined>

/** As much of a browser as matters: its cookies, its name, and where it says that a form comes from. */
export interface Browser {
  cookies: Map<string, string>
  get(path: string, headers?: Headers): Promise<Response>
  head(path: string): Promise<Response>
  post(path: string, fields: Record<string, string>, headers?: Headers): Promise<Response>
  /** The text of a page that has to be there. */
  page(path: string): Promise<string>
}

export function createBrowser(
  app: ReturnType<typeof createConsole>,
  options: { userAgent?: string; cookies?: Record<string, string>; origin?: string } = {},
): Browser {
  const { userAgent = CHROMIUM, origin = ORIGIN } = options
  const cookies = new Map(Object.entries(options.cookies ?? {}))

  async function go(
    path: string,
    { headers = {}, ...init }: Omit<RequestInit, 'headers'> & { headers?: Headers },
  ) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const all = Object.entries({ 'user-agent': userAgent, cookie, ...headers })
    const response = await app.request(`${origin}${path}`, {
      ...init,
      headers: Object.fromEntries(all.filter((one): one is [string, string] => Boolean(one[1]))),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/max-age=0/i.test(line)) cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }

  return {
    cookies,
    get: (path, headers = {}) => go(path, { headers }),
    head: (path) => go(path, { method: 'HEAD' }),
    post: (path, fields, headers = {}) =>
      go(path, {
        method: 'POST',
        body: new URLSearchParams(fields),
        headers: { origin, 'sec-fetch-site': 'same-origin', ...headers },
      }),
    async page(path) {
      const response = await go(path, {})
      if (response.status === 200) return response.text()
      throw new Error(`${path} is ${response.status}: ${await response.text()}`)
    },
  }
}

/** The hidden fields of a page's form, as a browser would send them. */
export function fieldsOf(page: string, action: string): Record<string, string> {
  const [, form = ''] = page.split(`action="${action}"`)
  const [inputs = ''] = form.split('</form>')
  return Object.fromEntries(
    [...inputs.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(
      ([, name = '', value = '']) => [name, value],
    ),
  )
}

/** The code that an error page or a notice shows. */
export const codeOf = (page: string): string | undefined => /<p class="code">([A-Z_]+)</.exec(page)?.[1]
