import type { JsonValue } from '#contract'
import type { Callback, Client, PrepareValue, Query, Submittable } from './sdk.ts'

/** One call of `query`, in any of its shapes; read once, and no longer the caller's to change. */
export interface Call {
  /** Undefined where it cannot be known. */
  text: string | undefined
  arguments: JsonValue
  /** Hands it to pg; what `query` itself would have returned. */
  send(): unknown
  /** The same, for whoever waits for the result: it rejects as pg does. A cursor's own end is not waited for. */
  sendAndWait(): Promise<unknown>
  /** What the caller gets for a call that waits; `outcome` rejects with what it is refused for. */
  answer(outcome: Promise<unknown>): unknown
}

export function readCall(
  client: Client,
  given: readonly unknown[],
  query: Query,
  prepare: PrepareValue,
): Call {
  const [config, values, callback] = given
  return typeof (config as Submittable).submit === 'function'
    ? readSubmittable(client, config as Submittable, [values, callback], query, prepare)
    : readPlain(client, config, [values, callback], query, prepare)
}

/** `(text | config, values?, callback?)` */
function readPlain(
  client: Client,
  given: unknown,
  [second, third]: unknown[],
  query: Query,
  prepare: PrepareValue,
): Call {
  const config = typeof given === 'string' ? { text: given } : readConfig(given as Record<string, unknown>)
  const values = typeof second === 'function' ? config.values : (second ?? config.values)
  const callback = (typeof second === 'function' ? second : (third ?? config.callback)) as
    | Callback
    | undefined
  const name = config.name ? String(config.name) : undefined
  const text = config.text ? String(config.text) : name && client.connection.parsedStatements?.[name]
  const sent = prepareAll(values, prepare)
  const asked = {
    ...config,
    text,
    ...(name === undefined ? {} : { name }),
    values: sent,
    callback: undefined,
  }
  const waited = () => query.call(client, { ...asked }) as Promise<unknown>
  return {
    text: text || undefined,
    arguments: shown(text, values, sent, name),
    send: () => query.call(client, { ...asked }, callback),
    sendAndWait: () =>
      callback === undefined
        ? waited()
        : new Promise((resolve, reject) => {
            query.call(client, { ...asked }, (error: unknown, result: unknown) => {
              if (error) reject(error)
              else resolve(result)
              callback(error, result)
            })
          }),
    answer(outcome) {
      if (callback === undefined) return outcome
      // pg's own callback has told it; only what never reached pg is told here.
      outcome.catch((error) => {
        if (isOurs(error)) process.nextTick(callback, error)
      })
      return undefined
    },
  }
}

/** Named one by one: template libraries put `text` and `values` on a prototype, as getters. */
function readConfig(given: Record<string, unknown>): Record<string, unknown> {
  const { text, values, name, rowMode, types, binary, rows, queryMode, portal, callback } = given
  const { query_timeout } = given
  return { text, values, name, rowMode, types, binary, rows, queryMode, portal, callback, query_timeout }
}

function readSubmittable(
  client: Client,
  one: Submittable,
  rest: unknown[],
  query: Query,
  prepare: PrepareValue,
): Call {
  const holder = typeof one.text === 'string' ? one : (one.cursor ?? one)
  const name = typeof one.name === 'string' && one.name !== '' ? one.name : undefined
  const text = holder.text || (name && client.connection.parsedStatements?.[name])
  const values = prepareAll(holder.values, prepare)
  const argumentsShown = shown(text, holder.values, values, name)
  // It is sent later, from its own members: what its owner puts there from now on has not been asked about.
  for (const [member, value] of [
    ['text', holder.text],
    ['values', values],
    ['name', one.name],
  ] as const)
    if (value !== undefined) lock(member === 'name' ? one : holder, member, value)
  const send = () => query.call(client, one, ...rest)
  return {
    text: typeof text === 'string' ? text : undefined,
    arguments: argumentsShown,
    send,
    sendAndWait: async () => send(),
    answer(outcome) {
      outcome.catch((error) => {
        if (isOurs(error)) process.nextTick(() => one.handleError(error, client.connection))
      })
      return one
    },
  }
}

const lock = (target: object, member: string, value: unknown): void =>
  void Object.defineProperty(target, member, {
    value,
    writable: false,
    configurable: false,
    enumerable: true,
  })

const isOurs = (error: unknown): boolean =>
  (error as { name?: unknown } | undefined)?.name === 'HoldpointError'

/** As pg would convert them when it sends them: text, bytes or null. Converting those again changes nothing. */
function prepareAll(values: unknown, prepare: PrepareValue): unknown[] | undefined {
  if (!Array.isArray(values)) return undefined
  return Array.from(values, (value) => {
    const prepared = prepare(value)
    return Buffer.isBuffer(prepared) ? Buffer.from(prepared) : prepared
  })
}

/** What people and policy see: numbers and truth values as such, where that is what will be sent. */
function shown(
  text: unknown,
  given: unknown,
  sent: unknown[] | undefined,
  name: string | undefined,
): JsonValue {
  const values = (sent ?? []).map((value, at): JsonValue => {
    const original = (given as unknown[])[at]
    if (Buffer.isBuffer(value)) return { base64: value.toString('base64') }
    if (value === null || value === undefined) return null
    const isPlain =
      typeof original === 'boolean' || (typeof original === 'number' && Number.isFinite(original))
    return isPlain && String(original) === value ? (original as number | boolean) : String(value)
  })
  return { ...(name === undefined ? {} : { name }), text: typeof text === 'string' ? text : null, values }
}
