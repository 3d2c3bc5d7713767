import type { Connections } from './connection.ts'
import { refuse } from './error.ts'
import { isFormatName, splitFormat } from './format.ts'
import { assertReadOnly, type Rules } from './guard.ts'
import type { EngineRequest } from './request.ts'
import type { Result } from './write.ts'

const MAX_SECONDS = 30

/** What one statement of a reader may cost. A client may lower the time, and raise nothing. */
const LIMITS = {
  max_execution_time: String(MAX_SECONDS),
  timeout_overflow_mode: 'throw',
  max_memory_usage: String(1024 ** 3),
  max_result_bytes: String(256 * 1024 ** 2),
  result_overflow_mode: 'throw',
  max_ast_depth: '500',
  max_query_size: String(256 * 1024),
  max_subquery_depth: '50',
}

/** Settings that only change how a result looks. Not all `output_format_…` do: one of them writes a file. */
const CLIENT_SETTINGS = new Set([
  'date_time_output_format',
  'max_block_size',
  'max_result_rows',
  'max_threads',
  'output_format_decimal_trailing_zeros',
  'output_format_json_array_of_rows',
  'output_format_json_escape_forward_slashes',
  'output_format_json_named_tuples_as_objects',
  'output_format_json_quote_64bit_floats',
  'output_format_json_quote_64bit_integers',
  'output_format_json_quote_decimals',
  'output_format_json_quote_denormals',
  'output_format_json_skip_null_value_in_named_tuples',
  'output_format_native_encode_types_in_binary_format',
  'output_format_pretty_color',
  'output_format_pretty_max_rows',
  'output_format_pretty_row_numbers',
  'output_format_tsv_crlf_end_of_line',
  'session_timezone',
])

/** Settings that only change by which way the same rows are found. HyperDX sends them with every statement. */
const WAY_SETTINGS = new Set([
  'enable_full_text_index',
  'query_plan_max_limit_for_lazy_materialization',
  'query_plan_max_limit_for_top_k_optimization',
  'query_plan_optimize_lazy_materialization',
  'short_circuit_function_evaluation',
  'use_skip_indexes_for_disjunctions',
  'use_skip_indexes_for_top_k',
  'use_skip_indexes_on_data_read',
])
/** The guard knows the trees of the analyzer that has been the engine's own for years, so the old one stays off. */
const mayBeSet = (name: string, value: string): boolean =>
  CLIENT_SETTINGS.has(name) ||
  WAY_SETTINGS.has(name) ||
  (name === 'allow_experimental_analyzer' && value === '1')

/** Runs one statement that reads, as the role that can do nothing else. */
export async function runAsReader(
  connections: Connections,
  rules: Rules,
  request: EngineRequest,
): Promise<Result> {
  const { statement: written, format = request.format ?? 'TabSeparated' } = splitFormat(request.query)
  if (!isFormatName(format)) throw refuse(36, `${JSON.stringify(format)} is not the name of a format.`)
  const { statement, settings: inStatement } = splitSettings(written)
  const settings = { ...LIMITS, ...allowedSettings({ ...request.settings, ...inStatement }) }
  return connections.use(
    { role: 'reader', settings, params: request.params, readonly: true },
    async (connection) => {
      await assertReadOnly(connection, statement, rules)
      const { bytes, rowsRead, bytesRead, elapsed } = await connection.query(statement, format)
      return { bytes, format, summary: { read_rows: rowsRead, read_bytes: bytesRead }, elapsed }
    },
  )
}

function allowedSettings(given: Record<string, string>): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    if (name === 'max_execution_time') {
      const seconds = Number(value)
      // Zero means "no limit" to the engine.
      if (seconds > 0 && seconds < MAX_SECONDS) kept[name] = String(seconds)
    } else if (mayBeSet(name, value)) kept[name] = value
    else throw refuse(452, `Setting ${name} may not be changed by a reader.`)
  }
  return kept
}

const AT_THE_END = /\sSETTINGS\s+(\w+\s*=\s*(?:\d+|'\w*')(?:\s*,\s*\w+\s*=\s*(?:\d+|'\w*'))*)\s*$/i

/**
 * A reader's connection changes no settings, so those at the end of a statement, as HyperDX writes them for some
 * metrics, go where those of the URL go. Others stay in it, and the engine refuses them.
 */
function splitSettings(written: string): { statement: string; settings: Record<string, string> } {
  const clause = AT_THE_END.exec(written)
  const pairs = clause?.[1]?.split(',').map((pair) => pair.split('=').map((part) => part.trim())) ?? []
  const settings = Object.fromEntries(
    pairs.map(([name = '', value = '']) => [name, value.replaceAll("'", '')]),
  )
  if (clause === null || !Object.entries(settings).every(([name, value]) => mayBeSet(name, value)))
    return { statement: written, settings: {} }
  return { statement: written.slice(0, clause.index), settings }
}
