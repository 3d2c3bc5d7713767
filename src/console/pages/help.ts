import type { Hono } from 'hono'
import { type Env, type Parts, page } from '../context.ts'
import { type Html, html } from '../html/html.ts'

/** The keys, and the words that every page uses. */
export function helpRoutes(app: Hono<Env>, parts: Parts): void {
  app.get('/help', (c) => page(c, parts, { title: 'Help' }, BODY))
}

const keys = (text: string): Html => html`${text.split(' ').map((key) => html`<kbd>${key}</kbd> `)}`

const KEYS: readonly (readonly [string, string])[] = [
  ['j', 'next row in a list'],
  ['k', 'the one before'],
  ['Enter', 'open it'],
  ['a', 'in a request: go to Approve. Nothing is decided until you press it'],
  ['d', 'in a request: go to the reason for a denial'],
  ['/', 'search'],
  ['g i', 'inbox'],
  ['g h', 'history'],
  ['g w', 'who acted'],
  ['g v', 'violations'],
  ['g a', 'agents'],
  ['g p', 'policy'],
  ['g l', 'ledger'],
  ['?', 'this page'],
]

const WORDS: readonly (readonly [string, string])[] = [
  [
    'card',
    'what exactly would run and who asks, frozen when the request opened. A review vouches for this card and no other',
  ],
  [
    'the agent’s own words',
    'why the agent says it wants this. Nobody has checked them; somebody may have talked the agent into them',
  ],
  [
    'approve',
    'release this one action, once, as the card shows it. If more people are needed, it goes on waiting for them',
  ],
  ['deny', 'refuse it for good. Your reason goes back to the agent'],
  ['expired', 'nobody decided in time. The action was not run, and it is no denial'],
  [
    'freeze',
    'an agent, or every agent, is stopped at once: nothing that it attempts runs, what waits is cancelled. Another person ends it',
  ],
  ['revoke', 'take an approval back that nobody has used yet'],
  ['erase', 'make what a request was about unreadable, for good. Who decided, and when, stays in the ledger'],
  ['your own work', 'what your agents do, or what they do for you. Others decide it; you may cancel it'],
]

const BODY = html`<h1>Help</h1>
<section aria-labelledby="keys-title"><h2 id="keys-title">Keyboard</h2>
<p hidden><label class="switch"><input type="checkbox" id="keys-on"> Use these keys on this computer</label></p>
<dl class="keys">${KEYS.map(([key, what]) => html`<div><dt>${keys(key)}</dt><dd>${what}</dd></div>`)}</dl></section>
<section aria-labelledby="words-title"><h2 id="words-title">Words</h2>
<dl class="words">${WORDS.map(([word, meaning]) => html`<div><dt>${word}</dt><dd>${meaning}</dd></div>`)}</dl></section>`
