import { ATTR, GEN_AI, principalId, type Ruling } from '#contract'
import { type Attributes, KIND, MARK, type SpanText } from '../spans/span.ts'
import type { Call, Variant } from '../world/actions.ts'
import type { Agent } from '../world/agents.ts'
import type { Person } from '../world/people.ts'
import { SCOPE, serviceOfAgent } from '../world/services.ts'

const CONVERSATION = `conv_${MARK.trace}`

/** The run itself: who was asked, and by whom. */
export function runTexts(agent: Agent, user: Person | undefined): { entry: SpanText; run: SpanText } {
  const service = serviceOfAgent(agent)
  const who = user === undefined ? {} : { [GEN_AI.userId]: principalId(user) }
  const entry: SpanText =
    user === undefined
      ? {
          service,
          scope: SCOPE.agent,
          name: `job ${agent.id}`,
          kind: KIND.internal,
          attributes: { 'job.name': agent.id },
        }
      : {
          service,
          scope: SCOPE.http,
          name: 'POST /v1/conversations/{id}/turns',
          kind: KIND.server,
          attributes: {
            'http.request.method': 'POST',
            'http.response.status_code': 200n,
            'http.route': '/v1/conversations/{id}/turns',
            'url.path': `/v1/conversations/${CONVERSATION}/turns`,
            'url.scheme': 'https',
            ...who,
          },
        }
  const run: SpanText = {
    service,
    scope: SCOPE.agent,
    name: `invoke_agent ${agent.name}`,
    kind: KIND.internal,
    attributes: {
      [GEN_AI.operationName]: 'invoke_agent',
      [GEN_AI.agentId]: agent.id,
      [GEN_AI.agentName]: agent.name,
      [GEN_AI.conversationId]: CONVERSATION,
      'gen_ai.provider.name': agent.provider,
      'gen_ai.request.model': agent.model,
      ...who,
    },
  }
  return { entry, run }
}

const HOST_OF = {
  openai: 'api.openai.example',
  anthropic: 'api.anthropic.example',
  mistral_ai: 'api.mistral.example',
} as const
const TOKENS = [412, 655, 893, 1_214, 1_790, 2_480, 3_377, 5_102]

/** What a model was asked, and the request that carried it; several, with as many tokens as questions have. */
export function modelTexts(agent: Agent, isLast: boolean): { chat: SpanText; post: SpanText }[] {
  const service = serviceOfAgent(agent)
  const { model, provider } = agent
  const post: SpanText = {
    service,
    scope: SCOPE.undici,
    name: 'POST',
    kind: KIND.client,
    attributes: {
      'http.request.method': 'POST',
      'http.response.status_code': 200n,
      'server.address': HOST_OF[provider],
      'server.port': 443n,
      'url.full': `https://${HOST_OF[provider]}/v1/messages`,
    },
  }
  return TOKENS.map((tokens, index) => ({
    post,
    chat: {
      service,
      scope: SCOPE.agent,
      name: `chat ${model}`,
      kind: KIND.client,
      attributes: {
        [GEN_AI.operationName]: 'chat',
        [GEN_AI.conversationId]: CONVERSATION,
        'gen_ai.provider.name': provider,
        'gen_ai.request.model': model,
        'gen_ai.response.finish_reasons': [isLast ? 'stop' : 'tool_calls'],
        'gen_ai.response.model': model,
        'gen_ai.usage.input_tokens': BigInt(tokens),
        'gen_ai.usage.output_tokens': BigInt(isLast ? 180 + 23 * index : 34 + 5 * index),
      },
    },
  }))
}

/** What a gate says of any action, as far as nobody has ruled on it. */
export const wordsOf = (
  agent: Agent,
  call: Call,
  { target }: Variant,
  user: Person | undefined,
): Attributes => ({
  [GEN_AI.operationName]: 'execute_tool',
  [GEN_AI.toolName]: call.name,
  [ATTR.actionKind]: call.kind,
  ...(target === undefined ? {} : { [ATTR.actionTarget]: target }),
  [GEN_AI.toolCallId]: `call_${MARK.span}`,
  [GEN_AI.agentName]: agent.name,
  [GEN_AI.conversationId]: CONVERSATION,
  ...(user === undefined ? {} : { [GEN_AI.userId]: principalId(user) }),
  [GEN_AI.agentId]: agent.id,
})

export const rulingWords = (
  { effect, rule, policyVersion }: Pick<Ruling, 'effect' | 'rule' | 'policyVersion'>,
  { enforcement }: Agent,
): Attributes => ({
  [ATTR.ruling]: effect,
  [ATTR.policyRule]: rule,
  [ATTR.policyVersion]: BigInt(policyVersion),
  [ATTR.enforcement]: enforcement,
})

/** The gate's span of an action. */
export const actionText = (
  agent: Agent,
  { name }: Call,
): Pick<SpanText, 'service' | 'scope' | 'name' | 'kind'> => ({
  service: serviceOfAgent(agent),
  scope: SCOPE.holdpoint,
  name: `execute_tool ${name}`,
  kind: KIND.internal,
})

/** What is on no span of an action that nobody was asked about but this: it tells equal calls apart. */
export const UNASKED_DIGEST: Attributes = { [ATTR.actionDigest]: `sha-256:${MARK.digest}` }

export const waitText = (agent: Agent, { name }: Call): SpanText => ({
  service: serviceOfAgent(agent),
  scope: SCOPE.holdpoint,
  name: `await_approval ${name}`,
  kind: KIND.internal,
  attributes: {},
})
