import type { Store } from '#store'
import type { Parts } from '../context.ts'
import { type Html, html } from '../html/html.ts'
import { withPatience } from '../patience.ts'

export type Reader = Pick<Store, 'query'>
export type Answer<T> = { is: 'answered'; value: T } | { is: 'no-store' } | { is: 'unanswered' }

/** What ClickHouse says, if there is one and it says anything in time. Never rejects. */
export async function askStore<T>(
  { store, patienceMs, log }: Parts,
  ask: (store: Reader) => Promise<T>,
): Promise<Answer<T>> {
  if (store === undefined) return { is: 'no-store' }
  try {
    return { is: 'answered', value: await withPatience(patienceMs, ask(store)) }
  } catch (error) {
    log.warn('ClickHouse did not answer a page', { error })
    return { is: 'unanswered' }
  }
}

/** Instead of what would have been there, and never to be mistaken for "nothing was found". */
export const withoutAnswer = (is: 'no-store' | 'unanswered'): Html =>
  is === 'no-store' ? NO_STORE : UNANSWERED

const UNANSWERED = html`<div class="notice" role="alert"><p><strong>ClickHouse did not answer.</strong> This page says nothing about what happened.</p>
<p>Try again in a moment, or ask for a shorter time. If it lasts, tell whoever runs Holdpoint: <code>holdpoint doctor</code> says what is wrong.</p></div>`

const NO_STORE = html`<div class="empty"><p><strong>This console has no ClickHouse to read from,</strong> so it can say nothing about what ran.</p>
<p><code>holdpoint up</code> brings one along. <code>holdpoint desk</code> needs <code>clickhouse.url</code> in its configuration, with <code>clickhouse.user</code> and <code>clickhouse.password</code> of a user that may read, and <code>holdpoint pipeline</code> has to write there what agents send.</p>
<p>What people have decided stands in the <a href="/history">history</a>, which comes from the ledger.</p></div>`
