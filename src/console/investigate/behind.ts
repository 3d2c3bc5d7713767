import type { LedgerReply } from '#contract'
import { type WhoActedFilter, whoActed } from '#store'
import { type Html, html, NOTHING } from '../html/html.ts'
import { time } from '../html/words.ts'
import { withPatience } from '../patience.ts'
import type { Reader } from './answer.ts'
import { UNDER_CONTROL } from './findings.ts'
import type { TimeRange } from './range.ts'

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

/**
 * Whether anything was ever stored: an empty list out of an empty store says nothing. One with very much in it may take
 * long to say so, an empty one does not. Never rejects.
 */
export async function isBare(
  store: Reader,
  { fromMs, toMs }: TimeRange,
  patienceMs: number,
): Promise<boolean> {
  const found = async (filter: Omit<WhoActedFilter, 'most'>): Promise<boolean> =>
    (await whoActed(store, { ...filter, most: 1 })).length > 0
  const look = async (): Promise<boolean> =>
    (await found({ fromMs, toMs, verifications: UNDER_CONTROL })) || found({ fromMs: 0, toMs: FOR_EVER_MS })
  return withPatience(patienceMs, look()).then(
    (isThere) => !isThere,
    () => false,
  )
}
const FOR_EVER_MS = 9_999_999_999_999

export const NOTHING_STORED = html`<div class="empty"><p><strong>Nothing has been stored yet,</strong> so an empty list says nothing. Rows come from <code>holdpoint pipeline</code>: send it what agents trace (OTLP), and let it write to this ClickHouse. <code>holdpoint doctor</code> says what is missing.</p></div>`
