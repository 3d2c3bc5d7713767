import { createProvider, type ProviderFake } from './http.ts'
import { answerChat } from './openai-chat.ts'
import { createResponses } from './openai-responses.ts'
import { openaiRefusal } from './openai-rules.ts'

/**
 * OpenAI's interface as far as tools need it: `/v1/chat/completions` and `/v1/responses`, both as JSON and as
 * server-sent events. `baseURL` of a client is `${url}/v1`, the `endpoint` of Azure's is `url`. It refuses what the provider refuses: a call left without
 * an output, an output of no call, members that it does not know, a missing key.
 */
export function createOpenAI(): ProviderFake {
  const responses = createResponses()
  return createProvider(
    (call, next) => {
      const key = call.headers.authorization ?? call.headers['api-key']
      if (key === undefined) throw openaiRefusal("You didn't provide an API key.", { status: 401 })
      if (/^\/(v1|openai\/deployments\/[^/]+)\/chat\/completions$/.test(call.path))
        return answerChat(call.body, next)
      if (call.path === '/v1/responses') return responses.create(call.body, next)
      const [, id] = /^\/v1\/responses\/([^/]+)$/.exec(call.path) ?? []
      if (id !== undefined) return responses.retrieve(id)
      throw openaiRefusal(`Invalid URL (POST ${call.path})`, { status: 404 })
    },
    (text) => openaiRefusal(text, { status: 500 }),
  )
}

/** What the model was told last of each call, by call id: through either of the two. */
export function outputsTold({ calls }: ProviderFake): Record<string, string> {
  const { messages = [], input = [] } = (calls.at(-1)?.body ?? {}) as { messages?: Told[]; input?: Told[] }
  return Object.fromEntries([
    ...messages.flatMap(({ tool_call_id: id, content }) => (id === undefined ? [] : [[id, content]])),
    ...input.flatMap(({ call_id: id, output }) => (output === undefined ? [] : [[id, output]])),
  ])
}

interface Told {
  tool_call_id?: string
  content?: string
  call_id?: string
  output?: string
}
