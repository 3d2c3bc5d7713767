import { headers, type Msg, type MsgHdrs } from '@nats-io/transport-node'
import { digestBytes, TELEMETRY_STREAM } from '#contract'
import type { Piece, Signal } from '../otlp/signal.ts'

/** A piece as it stands in HP_TELEMETRY. */
export interface Waiting extends Piece {
  seq: number
  /** When NATS took it, to the nanosecond, in its words. */
  storedAt: string
  /** Spans, log records or data points, about: what limits a batch. */
  items: number
}

const RECEIVED_AT = 'Holdpoint-Received-At'
const ITEMS = 'Holdpoint-Items'

/**
 * Names a request by what will be stored of it, piece by piece: cut otherwise, by a pipeline of another version or with
 * another bound, it is another, since under one name a piece would be taken for one that has other items.
 */
export const digestRequest = (signal: Signal, pieces: readonly Uint8Array[]): string =>
  digestBytes([signal, ...pieces.map(digestBytes)].join(' '))

/** `id`: of two messages with one id, within ten minutes, the stream takes one. */
export function headersOf(
  id: string,
  { receivedAtMs, items }: Pick<Waiting, 'receivedAtMs' | 'items'>,
): MsgHdrs {
  const written = headers()
  written.set('Nats-Msg-Id', id)
  written.set('Nats-Expected-Stream', TELEMETRY_STREAM)
  written.set(RECEIVED_AT, String(receivedAtMs))
  written.set(ITEMS, String(items))
  return written
}

/** Out of the answer to a direct get. What no pipeline wrote has arrived when the server says. */
export function waitingOf({ headers: written, data }: Msg): Waiting {
  const read = (name: string): string => written?.last(name) ?? ''
  return {
    seq: Number(read('Nats-Sequence')),
    storedAt: read('Nats-Time-Stamp'),
    signal: (read('Nats-Subject').split('.')[4] ?? '') as Signal,
    receivedAtMs: Number(read(RECEIVED_AT)) || Date.parse(read('Nats-Time-Stamp')) || 0,
    items: Number(read(ITEMS)) || 1,
    body: data,
  }
}
