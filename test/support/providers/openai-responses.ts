import { asJson, inPieces, type ModelAnswer, type ProviderReply, type ServerSentEvent } from './http.ts'
import { checkMembers, openaiRefusal, required } from './openai-rules.ts'

/** `POST /v1/responses`, with a memory for `previous_response_id`. */
export function createResponses() {
  const stored = new Map<string, { items: Item[]; response: object }>()
  return { create, retrieve }

  function create(body: Record<string, unknown>, next: () => ModelAnswer): ProviderReply {
    checkMembers(body, BODY, '')
    const model = required(body, 'model') as string
    const items = [...earlier(body.previous_response_id as string | undefined), ...itemsOf(body.input)]
    checkItems(items)
    const offered = ((body.tools ?? []) as { type: string; name?: string }[]).map(({ name }) => name)
    const said = next()
    for (const { name } of said.calls ?? [])
      if (!offered.includes(name))
        throw openaiRefusal(`The script calls ${name}, which is not offered.`, { status: 500 })
    const id = `resp_${stored.size + 1}`
    const output = outputOf(said, id)
    const response = {
      id,
      object: 'response',
      created_at: 1_790_000_000,
      status: 'completed',
      background: false,
      error: null,
      incomplete_details: null,
      instructions: body.instructions ?? null,
      max_output_tokens: null,
      metadata: body.metadata ?? {},
      model,
      output,
      parallel_tool_calls: body.parallel_tool_calls ?? true,
      previous_response_id: body.previous_response_id ?? null,
      reasoning: { effort: null, summary: null },
      store: body.store ?? true,
      temperature: 1,
      text: { format: { type: 'text' } },
      tool_choice: body.tool_choice ?? 'auto',
      tools: body.tools ?? [],
      top_p: 1,
      truncation: 'disabled',
      usage: USAGE,
    }
    if (body.store !== false) stored.set(id, { items: [...items, ...output], response })
    return body.stream === true ? { events: events(response) } : { status: 200, json: response }
  }

  /** `GET /v1/responses/ID`. */
  function retrieve(id: string): ProviderReply {
    const known = stored.get(id)
    if (known === undefined) throw openaiRefusal(`Response with id '${id}' not found.`, { status: 404 })
    return { status: 200, json: known.response }
  }

  function earlier(id: string | undefined): Item[] {
    if (id === undefined) return []
    const known = stored.get(id)
    if (known === undefined)
      throw openaiRefusal(`Previous response with id '${id}' not found.`, {
        param: 'previous_response_id',
        code: 'previous_response_not_found',
      })
    return known.items
  }
}

const USAGE = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 5,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 15,
}

const outputOf = ({ text, calls = [], mcp = [] }: ModelAnswer, response: string): Item[] => [
  ...(text === undefined
    ? []
    : [
        {
          id: `msg_${response}`,
          type: 'message',
          status: 'completed',
          role: 'assistant',
          content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
        },
      ]),
  ...calls.map(({ id, name, arguments: given }) => ({
    id: `fc_${id}`,
    type: 'function_call',
    status: 'completed',
    call_id: id,
    name,
    arguments: asJson(given),
  })),
  ...mcp.map((call) => ({ type: 'mcp_approval_request', ...call, arguments: asJson(call.arguments) })),
]

function* events(response: Record<string, unknown> & { output: Item[] }): Generator<ServerSentEvent> {
  let sequence = 0
  const event = (type: string, more: object): ServerSentEvent => ({
    event: type,
    data: { type, sequence_number: sequence++, ...more },
  })
  const begun = { ...response, status: 'in_progress', output: [], usage: null }
  yield event('response.created', { response: begun })
  yield event('response.in_progress', { response: begun })
  for (const [index, item] of response.output.entries()) {
    const at = { item_id: item.id, output_index: index }
    const [part] = item.content ?? []
    if (item.type === 'mcp_approval_request') {
      yield event('response.output_item.added', { output_index: index, item })
      yield event('response.output_item.done', { output_index: index, item })
      continue
    }
    const empty = part === undefined ? { arguments: '' } : { content: [] }
    yield event('response.output_item.added', {
      output_index: index,
      item: { ...item, ...empty, status: 'in_progress' },
    })
    if (part === undefined) {
      for (const delta of inPieces(item.arguments ?? ''))
        yield event('response.function_call_arguments.delta', { ...at, delta })
      yield event('response.function_call_arguments.done', {
        ...at,
        name: item.name,
        arguments: item.arguments,
      })
    } else {
      const inside = { ...at, content_index: 0 }
      yield event('response.content_part.added', { ...inside, part: { ...part, text: '' } })
      for (const delta of inPieces(part.text))
        yield event('response.output_text.delta', { ...inside, delta, logprobs: [] })
      yield event('response.output_text.done', { ...inside, text: part.text, logprobs: [] })
      yield event('response.content_part.done', { ...inside, part })
    }
    yield event('response.output_item.done', { output_index: index, item })
  }
  yield event('response.completed', { response })
}

const itemsOf = (input: unknown): Item[] =>
  typeof input === 'string' ? [{ type: 'message', role: 'user', content: [] }] : ((input ?? []) as Item[])

/** Each call has its output and each output its call, wherever in the input they stand. */
function checkItems(items: readonly Item[]): void {
  const calls = new Set<string>()
  const answered = new Set<string>()
  const approvals = new Set<string | undefined>()
  for (const [at, item] of items.entries()) {
    const place = `input[${at}]`
    const { type = 'message', call_id: id = '', approval_request_id: asked } = item
    if (type === 'mcp_approval_request') approvals.add(item.id)
    if (type === 'mcp_approval_response' && !approvals.has(asked))
      throw openaiRefusal(`No approval request found with id '${asked}'.`, { param: 'input' })
    const known = MEMBERS[type]
    if (known !== undefined) checkMembers(item, known, place)
    if (type === 'function_call') calls.add(id)
    if (type !== 'function_call_output') continue
    if (!calls.has(id))
      throw openaiRefusal(`No tool call found for function call output with call_id ${id}.`, {
        param: 'input',
      })
    if (typeof item.output !== 'string' && !Array.isArray(item.output))
      throw openaiRefusal(
        `Invalid type for '${place}.output': expected one of an array of objects or string, but got ${item.output === null ? 'null' : `a ${typeof item.output}`} instead.`,
        { param: `${place}.output`, code: 'invalid_type' },
      )
    answered.add(id)
  }
  for (const id of calls)
    if (!answered.has(id))
      throw openaiRefusal(`No tool output found for function call ${id}.`, { param: 'input' })
}

interface Item {
  type?: string
  id?: string
  role?: string
  status?: string
  call_id?: string
  approval_request_id?: string
  name?: string
  arguments?: string
  output?: unknown
  content?: { type: string; text: string; annotations?: object[]; logprobs?: object[] }[]
}

const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  message: ['type', 'id', 'role', 'content', 'status', 'phase'],
  function_call: ['type', 'id', 'call_id', 'name', 'arguments', 'status', 'namespace', 'caller'],
  mcp_approval_request: ['type', 'id', 'server_label', 'name', 'arguments'],
  mcp_approval_response: ['type', 'id', 'approval_request_id', 'approve', 'reason'],
  function_call_output: ['type', 'id', 'call_id', 'output', 'status', 'caller'],
}
const BODY =
  'model input instructions tools tool_choice parallel_tool_calls stream stream_options temperature top_p max_output_tokens max_tool_calls text reasoning include previous_response_id conversation store user safety_identifier prompt_cache_key metadata truncation service_tier background prompt context_management'.split(
    ' ',
  )
