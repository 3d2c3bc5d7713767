import { readSql } from '#contract'
import type { Gate, GateAttempt } from '#gate'
import { strictest } from '../foresee.ts'
import type { Call } from './call.ts'
import type { Client } from './sdk.ts'

/**
 * What policy says of a query now. It is ruled on under each name that policy may have for it, as the pipeline names the statements of other tools' spans:
 * `DROP TABLE public.users`, `DROP TABLE users`, `DROP users`; and so for each query inside it.
 */
export function ruleQuery(gate: Gate, client: Client, { text, arguments: given }: Call) {
  const { actions, unsure } = readSql(text ?? '', 'postgresql')
  const doubt = doubtOf(
    text,
    actions.map(([name]) => name),
    unsure,
  )
  const { user, host, port, database } = client
  const common = {
    kind: 'db',
    ...(database ? { target: database.slice(0, MAX_TARGET) } : {}),
    arguments: given,
    // Databases of one name stand on many servers.
    bindings: { precondition: `postgresql://${user}@${host}:${port}/${database}`.slice(0, MAX_PRECONDITION) },
  }
  const [first = '?', ...others] = actions.flat()
  const named = (name: string): GateAttempt => ({ ...common, name: name.slice(0, MAX_NAME) })
  return strictest(gate, [named(first), ...others.map(named)], doubt)
}

function doubtOf(text: string | undefined, names: readonly string[], unsure: boolean): string | undefined {
  if (text === undefined) return 'What it sends cannot be seen from here.'
  if (unsure) return 'It may do more than its words tell.'
  if (names.length > 1 && !names.every((name) => /^SELECT\b/.test(name)))
    return `It does several things: ${names.join(', ')}.`.slice(0, MAX_TARGET)
  if (REACHES_OUT.test(text)) return 'It calls a function that reaches beyond the tables.'
  if (/^COPY\b/.test(names[0] ?? '') && !TO_CLIENT.test(text))
    return 'It copies to or from the files or programs of the server.'
  return undefined
}

/** Functions of Postgres that read files, end sessions, change settings, or run a text. What others do, no text tells. */
const REACHES_OUT =
  /\b(pg_\w+|lo_(import|export|unlink|put|create|from_bytea)|lowrite|dblink\w*|set_config|setval|\w+_to_xml\w*|ts_stat|ts_rewrite)\b/i
const TO_CLIENT = /\b(FROM\s+STDIN|TO\s+STDOUT)\b/i

const MAX_NAME = 500
const MAX_TARGET = 2_000
const MAX_PRECONDITION = 1_000
