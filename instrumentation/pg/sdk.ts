/** The part of pg's shapes that is used here. */
export interface Client {
  user?: string
  host?: string
  port?: number
  database?: string
  connection: { parsedStatements?: Record<string, string> }
  readyForQuery?: boolean
  _queryQueue?: unknown[]
  _sentQueryQueue?: unknown[]
  _activeQuery?: unknown
  _ended?: boolean
  /** Of the server's last answer: `I` idle, `T` in a transaction, `E` in one that has failed. */
  getTransactionStatus?(): string | null
  once(event: string, listener: () => void): void
  off(event: string, listener: () => void): void
}

export type Query = (this: Client, config: unknown, values?: unknown, callback?: unknown) => unknown
export type Callback = (error: unknown, result?: unknown) => void

/** What pg sends itself: its own `Query`, a cursor, a stream of rows or of a COPY. */
export interface Submittable {
  submit(connection: unknown): unknown
  handleError(error: unknown, connection: unknown): void
  text?: unknown
  values?: unknown
  name?: unknown
  cursor?: { text?: unknown; values?: unknown }
}

export type PrepareValue = (value: unknown) => unknown
