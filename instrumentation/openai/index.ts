import { type Instrumentation, replaceMethod } from '../instrumentation.ts'
import { patchAgentTools } from './agent-sessions.ts'
import { guardTool } from './guard.ts'
import { type Client, type FinalOptions, holdApprovals } from './mcp.ts'
import { patchResponsesRunner } from './responses.ts'
import { startRun } from './runs.ts'
import type { ChatParams } from './sdk.ts'
import { patchBrowser, patchComputer, patchDecisions } from './toolsets.ts'

export {
  type HeldMcpApprovals,
  requestMcpApprovals,
  resumeMcpApprovals,
} from './approvals.ts'
export { guard } from './guard.ts'

/**
 * The function tools of `runTools`, of the Responses runner and of agent sessions, the browser and computer toolsets,
 * the operations of the Decisions runner, and each yes to an MCP call of the provider's. Not: what a program makes of
 * the model's calls by itself, which `guard`, `hold` and the hooks of its clients are for.
 */
export const openai: Instrumentation = {
  name: 'openai',
  packages: { openai: '>=7.57 <8' },
  specifiers: [
    'openai',
    'openai/client',
    'openai/lib/AbstractChatCompletionRunner',
    'openai/lib/beta/agents/tool-dispatcher',
    'openai/helpers/responses-tool-runner',
    'openai/helpers/browser',
    'openai/helpers/computer',
    'openai/helpers/decisions-tool-runner',
  ],
  replaces: ['AgentToolDispatcher'],
  patch(exports, gate) {
    const guarded = (params: ChatParams): ChatParams =>
      Array.isArray(params?.tools)
        ? { ...params, tools: params.tools.map((tool: object) => guardTool(tool, () => gate) ?? tool) }
        : params

    const parts: Record<string, (Class: { prototype?: unknown }) => void> = {
      OpenAI(Class) {
        replaceMethod(Class, 'prepareOptions', (original) => {
          return async function prepareOptions(this: Client, ...given: never[]) {
            await holdApprovals(this, given[0] as unknown as FinalOptions, gate)
            await original.apply(this, given)
          } as never
        })
        const { Chat } = Class as unknown as { Chat?: { Completions?: unknown } }
        replaceMethod(Chat?.Completions, 'runTools', (original) => {
          return function runTools(this: unknown, params: ChatParams, ...more: never[]) {
            const runner = original.call(this, guarded(params) as never, ...more) as object
            startRun(runner, params)
            return runner
          } as never
        })
      },
      // Below: whoever makes such a runner without the client comes through here as well.
      AbstractChatCompletionRunner: (Class) =>
        replaceMethod(Class, '_runTools', (original) => {
          return function runTools(this: object, client: never, params: ChatParams, ...more: never[]) {
            startRun(this, params)
            return original.call(this, client, guarded(params) as never, ...more)
          } as never
        }),
      AgentToolDispatcher: () => patchAgentTools(exports, gate),
      ResponsesToolRunner: (Class) => patchResponsesRunner(Class, gate),
      BrowserToolset: (Class) => patchBrowser(Class, gate),
      ComputerToolset: (Class) => patchComputer(Class, gate),
      DecisionsToolRunner: (Class) => patchDecisions(Class, gate),
    }
    const found = Object.keys(parts).filter((name) => typeof exports[name] === 'function')
    if (found.length === 0)
      throw new TypeError(
        'holdpoint: this version exports nothing of what is controlled; it is not supported',
      )
    for (const name of found) parts[name]?.(exports[name] as { prototype?: unknown })
  },
}
