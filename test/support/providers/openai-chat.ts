import { asJson, inPieces, type ModelAnswer, type ProviderReply, type ServerSentEvent } from './http.ts'
import { checkMembers, openaiRefusal, required } from './openai-rules.ts'

/** `POST /v1/chat/completions`. */
export function answerChat(body: Record<string, unknown>, next: () => ModelAnswer): ProviderReply {
  checkMembers(body, BODY, '')
  const model = required(body, 'model') as string
  checkMessages(required(body, 'messages') as Message[])
  const tools = namesOf(body.tools as Tool[] | undefined)
  const said = next()
  for (const { name } of said.calls ?? [])
    if (!tools.includes(name))
      throw openaiRefusal(`The script calls ${name}, which is not offered.`, { status: 500 })
  const head = { id: 'chatcmpl-test', created: 1_790_000_000, model, system_fingerprint: 'fp_test' }
  if (body.stream === true) {
    const { include_usage: withUsage } = (body.stream_options ?? {}) as { include_usage?: boolean }
    return { events: chunks(said, { ...head, object: 'chat.completion.chunk' }, withUsage === true) }
  }
  return { status: 200, json: { ...head, object: 'chat.completion', choices: [choice(said)], usage: USAGE } }
}

const choice = ({ text, calls = [] }: ModelAnswer) => ({
  index: 0,
  message: {
    role: 'assistant',
    content: text ?? null,
    refusal: null,
    annotations: [],
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(toolCall) }),
  },
  logprobs: null,
  finish_reason: calls.length === 0 ? 'stop' : 'tool_calls',
})

const toolCall = ({ id, name, arguments: given }: NonNullable<ModelAnswer['calls']>[number]) => ({
  id,
  type: 'function',
  function: { name, arguments: asJson(given) },
})

function* chunks(
  { text, calls = [] }: ModelAnswer,
  head: object,
  withUsage: boolean,
): Generator<ServerSentEvent> {
  const chunk = (delta: object, finish: string | null = null): ServerSentEvent => ({
    data: {
      ...head,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(withUsage ? { usage: null } : {}),
    },
  })
  yield chunk({ role: 'assistant', content: text === undefined ? null : '', refusal: null })
  for (const piece of inPieces(text ?? '')) yield chunk({ content: piece })
  for (const [index, call] of calls.entries()) {
    const { id, type, function: called } = toolCall(call)
    yield chunk({ tool_calls: [{ index, id, type, function: { name: called.name, arguments: '' } }] })
    for (const piece of inPieces(called.arguments))
      yield chunk({ tool_calls: [{ index, function: { arguments: piece } }] })
  }
  yield chunk({}, calls.length === 0 ? 'stop' : 'tool_calls')
  if (withUsage) yield { data: { ...head, choices: [], usage: USAGE } }
  yield { data: '[DONE]' }
}

const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }

/** Every call of an assistant message is answered right after it, once; nothing else is. */
function checkMessages(messages: readonly Message[]): void {
  let open: string[] = []
  for (const [at, message] of messages.entries()) {
    const place = `messages[${at}]`
    const known = MEMBERS[message.role]
    if (known === undefined)
      throw openaiRefusal(`Invalid value: '${message.role}'.`, {
        param: `${place}.role`,
        code: 'invalid_value',
      })
    checkMembers(message, known, place)
    if (message.role === 'tool') {
      const { tool_call_id: id, content } = message
      if (id === undefined || !open.includes(id))
        throw openaiRefusal(
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
          { param: `messages.[${at}].role` },
        )
      if (typeof content !== 'string' && !Array.isArray(content))
        throw openaiRefusal(
          `Invalid type for '${place}.content': expected one of a string or array of objects, but got ${content === null ? 'null' : `a ${typeof content}`} instead.`,
          { param: `${place}.content`, code: 'invalid_type' },
        )
      open = open.filter((one) => one !== id)
      continue
    }
    checkAnswered(open, at)
    for (const [index, call] of (message.tool_calls ?? []).entries()) {
      checkMembers(call, ['id', 'type', 'function'], `${place}.tool_calls[${index}]`)
      checkMembers(call.function, ['name', 'arguments'], `${place}.tool_calls[${index}].function`)
    }
    open = (message.tool_calls ?? []).map(({ id }) => id)
  }
  checkAnswered(open, messages.length)
}

function checkAnswered(open: readonly string[], at: number): void {
  if (open.length > 0)
    throw openaiRefusal(
      `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${open.join(', ')}`,
      { param: `messages.[${at}].role` },
    )
}

function namesOf(tools: readonly Tool[] = []): string[] {
  return tools.map((tool, at) => {
    checkMembers(tool, ['type', 'function'], `tools[${at}]`)
    checkMembers(tool.function, ['name', 'description', 'parameters', 'strict'], `tools[${at}].function`)
    return tool.function.name
  })
}

interface Tool {
  type: 'function'
  function: { name: string }
}
interface Message {
  role: string
  content?: unknown
  tool_call_id?: string
  tool_calls?: { id: string; type: string; function: { name: string; arguments: string } }[]
}

const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  developer: ['role', 'content', 'name'],
  system: ['role', 'content', 'name'],
  user: ['role', 'content', 'name'],
  assistant: ['role', 'content', 'name', 'refusal', 'audio', 'tool_calls', 'annotations'],
  tool: ['role', 'content', 'tool_call_id'],
}
const BODY =
  'model messages tools tool_choice parallel_tool_calls stream stream_options temperature top_p n stop max_tokens max_completion_tokens response_format seed user safety_identifier metadata store reasoning_effort service_tier prompt_cache_key logprobs top_logprobs verbosity'.split(
    ' ',
  )
