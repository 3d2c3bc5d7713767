import { type Browser, createBrowser, fieldsOf } from '../../console/cookie-jar.ts'
import { type Attack, guardIn } from './attack.ts'
import type { Scenes } from './scenes.ts'

const inSite = guardIn('src/console/http/same-site.ts')
const csrf = inSite(
  'csrf',
  'A form that somebody else has made for the reviewer.',
  'if (given !== undefined && timingSafeEqual(digest(given), digest(session.csrf))) return',
  'return',
)
const origin = inSite(
  'own-forms-only',
  'A page of another site that posts with the reviewer’s cookie.',
  "if (isOurs && (site === undefined || site === 'same-origin')) return next()",
  'return next()',
)
const ownName = inSite(
  'own-name-only',
  'A page of elsewhere whose name leads to this machine (DNS rebinding).',
  'if (!LOOPBACK.test(ours.hostname) || asked.host === ours.host) return next()',
  'return next()',
)
const PREFETCH = 'link prefetch decides (activepieces #14024, #14252)'
const review = guardIn('src/console/pages/review.ts')
const rendition = review(
  'console-rendition',
  'A review of what this console does not show.',
  'if (page.rendition !== rendition)',
  'if (false as boolean)',
)

/** Bob's browser on a request that waits, the form of its page, and whether the ledger has changed in the end. */
async function atTheForm(
  scenes: Scenes,
  act: (given: {
    fields: Record<string, string>
    id: string
    bob: Browser
    scene: Awaited<ReturnType<Scenes['console']>>
  }) => Promise<Response>,
) {
  const scene = await scenes.console()
  const id = await scene.hold()
  const bob = scene.browser('bob')
  const fields = fieldsOf(await bob.page(`/requests/${id}`), `/requests/${id}/review`)
  const response = await act({ scene, bob, id, fields: { ...fields, verdict: 'approve', reason: '' } })
  const { summary } = await scene.house.desk.show(scene.house.token('bob'), id)
  if (summary.state !== 'pending') return `the request is ${summary.state}`
  return response.status >= 400 ? undefined : `it was answered with ${response.status}`
}

const attack = (
  name: string,
  threat: string,
  guard: Attack['guard'],
  act: Parameters<typeof atTheForm>[1],
): Attack => ({
  name,
  threat,
  enforcementPoint: 'console',
  guard,
  run: (scenes) => atTheForm(scenes, act),
})
const post = (path: string, fields: Record<string, string>, headers: Record<string, string>) => ({
  path,
  fields,
  headers,
})

export const consoleAttacks: readonly Attack[] = [
  attack('a form without a token', PREFETCH, csrf, ({ bob, id, fields: { csrf: _, ...rest } }) =>
    bob.post(`/requests/${id}/review`, rest),
  ),
  attack('a form with another token of the same length', PREFETCH, csrf, ({ bob, id, fields }) =>
    bob.post(`/requests/${id}/review`, { ...fields, csrf: 'A'.repeat(43) }),
  ),
  ...[
    post('another site’s Origin', {}, { origin: 'https://evil.example' }),
    post('an opaque Origin', {}, { origin: 'null' }),
    post('another port of this machine', {}, { origin: 'http://127.0.0.1:7071' }),
  ].map(({ path, headers }) =>
    attack(`a form from ${path}`, PREFETCH, origin, ({ bob, id, fields }) =>
      bob.post(`/requests/${id}/review`, fields, headers),
    ),
  ),
  attack('another name for this machine', PREFETCH, ownName, ({ scene, bob, id, fields }) => {
    const holdpoint = bob.cookies.get('holdpoint') ?? ''
    const rebound = createBrowser(scene.app, { origin: 'http://evil.example:7070', cookies: { holdpoint } })
    return rebound.post(`/requests/${id}/review`, fields, { origin: 'http://127.0.0.1:7070' })
  }),
  attack(
    'a form whose page showed something else',
    'stale chat buttons that approve a different, newer call (mastra #19633)',
    rendition,
    ({ bob, id, fields }) =>
      bob.post(`/requests/${id}/review`, { ...fields, rendition: `sha-256:${'0'.repeat(64)}` }),
  ),
]
