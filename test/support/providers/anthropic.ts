import {
  createProvider,
  inPieces,
  type ModelAnswer,
  type ProviderFake,
  Refused,
  type ServerSentEvent,
} from './http.ts'

/**
 * Anthropic's `/v1/messages`, as JSON and as server-sent events; `baseURL` of a client is `url`. It refuses what the
 * provider refuses: a `tool_use` without its `tool_result` right after it, a result of no call, members that it does
 * not know, a missing key or version.
 */
export function createAnthropic(): ProviderFake {
  const threads = createThreads()
  return createProvider(
    ({ path, headers, body }, next) => {
      if (headers['x-api-key'] === undefined && headers.authorization === undefined)
        throw refusal('x-api-key header is required', 'authentication_error', 401)
      if (headers['anthropic-version'] === undefined) throw refusal('anthropic-version: header is required')
      if (path !== '/v1/messages') throw refusal('Not Found', 'not_found_error', 404)
      checkMembers(body, BODY, '')
      for (const name of ['model', 'max_tokens', 'messages'])
        if (body[name] === undefined) throw refusal(`${name}: Field required`)
      const { messages, tools, keep } = threads.continued(body, String(headers['anthropic-beta'] ?? ''))
      checkMessages(messages)
      const offered = tools.map(({ name }) => name)
      const said = next()
      for (const { name } of said.calls ?? [])
        if (!offered.includes(name))
          throw refusal(`The script calls ${name}, which is not offered.`, 'api_error', 500)
      const message = messageOf(said, body.model as string)
      keep(message)
      return body.stream === true ? { events: events(message) } : { status: 200, json: message }
    },
    (text) => refusal(text, 'api_error', 500),
  )
}

/** Conversations that the provider keeps (`message-threads-2026-08-12`): a later turn sends what is new. */
function createThreads() {
  const turns = new Map<string, Turn>()
  return {
    continued(body: Record<string, unknown>, betas: string): Turn & { keep: (reply: Answered) => void } {
      const { thread, messages: given, tools: offered = [] } = body as unknown as ThreadBody
      if (thread !== undefined && !betas.includes('message-threads-'))
        throw refusal('thread: Extra inputs are not permitted')
      const id = thread?.previous_message_id
      const before = id === undefined ? undefined : turns.get(id)
      if (id !== undefined && before === undefined)
        throw refusal(`thread.previous_message_id: ${id} not found`, 'not_found_error', 404)
      if (before !== undefined && ('tools' in body || 'system' in body))
        throw refusal('tools, system: cannot be set when a thread is continued')
      const messages = [...(before?.messages ?? []), ...given]
      const tools = before?.tools ?? offered
      const keep = ({ id: reply, role, content }: Answered) => {
        if (thread !== undefined) turns.set(reply, { messages: [...messages, { role, content }], tools })
      }
      return { messages, tools, keep }
    },
  }
}

interface Turn {
  messages: Message[]
  tools: readonly { name: string }[]
}
interface ThreadBody extends Turn {
  thread?: { type: string; previous_message_id?: string }
}

const refusal = (message: string, type = 'invalid_request_error', status = 400): Refused =>
  new Refused(status, { type: 'error', error: { type, message }, request_id: 'req_test' })

let messageCount = 0
type Answered = ReturnType<typeof messageOf>
const messageOf = ({ text, calls = [] }: ModelAnswer, model: string) => ({
  id: `msg_${++messageCount}`,
  type: 'message',
  role: 'assistant',
  model,
  content: [
    ...(text === undefined ? [] : [{ type: 'text' as const, text, citations: null }]),
    ...calls.map(({ id, name, arguments: input }) => ({ type: 'tool_use' as const, id, name, input })),
  ],
  stop_reason: calls.length === 0 ? 'end_turn' : 'tool_use',
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 5 },
})

function* events(message: Answered): Generator<ServerSentEvent> {
  const event = (type: string, more: object): ServerSentEvent => ({ event: type, data: { type, ...more } })
  const { content, stop_reason, stop_sequence, usage } = message
  const begun = { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } }
  yield event('message_start', { message: begun })
  for (const [index, block] of content.entries()) {
    const empty = block.type === 'text' ? { ...block, text: '' } : { ...block, input: {} }
    yield event('content_block_start', { index, content_block: empty })
    if (index === 0) yield event('ping', {})
    const text = block.type === 'text' ? block.text : JSON.stringify(block.input)
    for (const piece of inPieces(text))
      yield event('content_block_delta', {
        index,
        delta:
          block.type === 'text'
            ? { type: 'text_delta', text: piece }
            : { type: 'input_json_delta', partial_json: piece },
      })
    yield event('content_block_stop', { index })
  }
  yield event('message_delta', {
    delta: { stop_reason, stop_sequence },
    usage: { output_tokens: usage.output_tokens },
  })
  yield event('message_stop', {})
}

function checkMessages(messages: readonly Message[]): void {
  if (messages.length === 0) throw refusal('messages: at least one message is required')
  let open: string[] = []
  for (const [at, message] of messages.entries()) {
    checkMembers(message, ['role', 'content'], `messages.${at}`)
    if (at === 0 && message.role !== 'user') throw refusal('messages: first message must use the "user" role')
    const blocks = typeof message.content === 'string' ? [] : message.content
    for (const [index, block] of blocks.entries()) {
      const known = BLOCKS[block.type]
      if (known !== undefined) checkMembers(block, known, `messages.${at}.content.${index}`)
      if (block.type === 'tool_result' && !open.includes(block.tool_use_id ?? ''))
        throw refusal(
          `messages.${at}.content.${index}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${block.tool_use_id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
        )
    }
    // Results come first in the message: what stands behind other content is not right after the call.
    const others = blocks.findIndex(({ type }) => type !== 'tool_result')
    const results = blocks.slice(0, others < 0 ? blocks.length : others)
    const left = open.filter((id) => !results.some((result) => result.tool_use_id === id))
    checkAnswered(left, at - 1)
    open = blocks.flatMap(({ type, id = '' }) => (type === 'tool_use' ? [id] : []))
  }
  checkAnswered(open, messages.length - 1)
}

function checkAnswered(left: readonly string[], at: number): void {
  if (left.length > 0)
    throw refusal(
      `messages.${at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${left.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
    )
}

function checkMembers(value: object, known: readonly string[], place: string): void {
  const extra = Object.keys(value).find((name) => !known.includes(name))
  if (extra !== undefined)
    throw refusal(`${place === '' ? extra : `${place}.${extra}`}: Extra inputs are not permitted`)
}

interface Message {
  role: string
  content: string | { type: string; id?: string; tool_use_id?: string }[]
}

const BLOCKS: Readonly<Record<string, readonly string[]>> = {
  text: ['type', 'text', 'cache_control', 'citations'],
  tool_use: ['type', 'id', 'name', 'input', 'cache_control', 'caller'],
  tool_result: ['type', 'tool_use_id', 'content', 'is_error', 'cache_control'],
}
const BODY =
  'model max_tokens messages system tools tool_choice stream temperature top_p top_k stop_sequences metadata thinking service_tier container context_management mcp_servers output_config output_format betas inference_geo cache_control thread'.split(
    ' ',
  )
