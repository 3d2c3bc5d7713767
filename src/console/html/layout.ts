import type { Session } from '#identity'
import { type FrozenNow, frozenBanner } from '../frozen.ts'
import type { AssetUrls } from '../http/assets.ts'
import { type Html, html, NOTHING } from './html.ts'
import { personText } from './words.ts'

export interface Shell {
  title: string
  /** The part of the navigation to which the page belongs. */
  place?: Place
  session: Session | undefined
  /** Who may do nothing now; undefined where nobody knows. */
  frozen: FrozenNow | undefined
  isDevelopment: boolean
  assets: AssetUrls
  /** Where the page hears of what changes, if anything on it does. */
  live?: string
}
export type Place = (typeof PLACES)[number]['path']

const PLACES = [
  { path: '/', word: 'Inbox' },
  { path: '/history', word: 'History' },
  { path: '/actions', word: 'Who acted' },
  { path: '/violations', word: 'Violations' },
  { path: '/agents', word: 'Agents' },
  { path: '/policy', word: 'Policy' },
  { path: '/ledger', word: 'Ledger' },
] as const

/** Everything around a page. */
export const layout = (shell: Shell, body: Html): Html => html`${pageStart(shell)}${body}${PAGE_END}`

/** Up to where the page's own content begins, for pages that are sent as they become ready. */
export const pageStart = ({
  title,
  place,
  session,
  frozen,
  isDevelopment,
  assets,
  live,
}: Shell): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Holdpoint</title>
<link rel="icon" href="${assets.icon}" type="image/svg+xml">
<link rel="stylesheet" href="${assets.style}">
<script type="module" src="${assets.script}"></script>
</head>
<body${live === undefined ? NOTHING : html` data-live="${live}"`}>
<a class="skip" href="#main">Skip to the content</a>
${isDevelopment ? DEVELOPMENT : NOTHING}
<header class="bar">
<a class="brand" href="/">${MARK}<span>Holdpoint</span></a>
${session === undefined ? NOTHING : html`${navigation(place)}${account(session)}`}
</header>
${session === undefined ? NOTHING : frozenBanner(frozen)}
<main id="main" tabindex="-1">`

export const PAGE_END = html`
</main>
<footer class="foot"><p>Nothing runs unapproved. Reading a page never decides anything.</p><p><a href="/help">Help and keyboard shortcuts</a></p></footer>
<div id="announce" class="unseen" role="status" aria-live="polite"></div>
</body>
</html>
`

const DEVELOPMENT = html`<aside class="development" aria-label="Development"><strong>Development sign-in.</strong> Made-up people, this machine only: nothing decided here proves anything.</aside>`

const navigation = (here: Place | undefined): Html => html`<nav aria-label="Main"><ul>
${PLACES.map(
  ({
    path,
    word,
  }) => html`<li><a href="${path}"${path === here ? html` aria-current="page"` : NOTHING}>${word}</a></li>
`,
)}</ul></nav>`

const account = ({
  person,
  csrf,
}: Session): Html => html`<form class="account" method="post" action="/sign-out">
<span class="who" title="${person.iss}">${personText(person)}</span>
<input type="hidden" name="csrf" value="${csrf}">
<button class="quiet">Sign out</button>
</form>`

/** A hold: two posts, and a bar between them that has not been lifted. */
const MARK = html`<svg class="mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" focusable="false"><path d="M4 3v18M20 3v18" stroke="currentColor" stroke-width="3" stroke-linecap="round"/><path class="barrier" d="M4 12h16" stroke-width="5" stroke-dasharray="4 2.6"/></svg>`
