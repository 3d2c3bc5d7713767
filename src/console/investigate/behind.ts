import type { LedgerReply } from '#contract'
import { whoActed } from '#store'
import { type Html, html, NOTHING } from '../html/html.ts'
import { time } from '../html/words.ts'
import type { Reader } from './answer.ts'

/** What has been in the ledger for so long ought to be in ClickHouse as well. */
const USUAL_DELAY_MS = 15_000

/** Since when requests that the ledger has are not in ClickHouse, as far as one of the newest tells; or undefined. */
export async function behindSince(
  store: Reader,
  { entries }: Pick<LedgerReply, 'entries'>,
  nowMs: number,
): Promise<number | undefined> {
  const request = entries.find(({ type, atMs }) => type === 'requested' && atMs <= nowMs - USUAL_DELAY_MS)
  if (request?.requestId === undefined) return undefined
  const { atMs, requestId } = request
  const rows = await whoActed(store, { fromMs: atMs, toMs: atMs, text: requestId, most: 1 })
  return rows.length === 0 ? atMs : undefined
}

export const behindNotice = (sinceMs: number | undefined): Html =>
  sinceMs === undefined
    ? NOTHING
    : html`<p class="caution"><strong>ClickHouse is behind the ledger.</strong> What was asked for at ${time(sinceMs)} is not here yet, and so may be whatever came after. <code>holdpoint pipeline</code> brings it here; the <a href="/history">history</a> has it already.</p>`

/** Whether anything was ever stored: an empty list out of an empty store says nothing. */
export const hasAnything = async (store: Reader, nowMs: number): Promise<boolean> =>
  (await whoActed(store, { fromMs: 0, toMs: nowMs + DAY_MS, most: 1 })).length > 0
const DAY_MS = 86_400_000

export const NOTHING_STORED = html`<div class="empty"><p><strong>Nothing has been stored yet,</strong> so an empty list says nothing. Rows come from <code>holdpoint pipeline</code>: send it what agents trace (OTLP), and let it write to this ClickHouse. <code>holdpoint doctor</code> says what is missing.</p></div>`
