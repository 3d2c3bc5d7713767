import { type Instrumentation, replaceMethod } from '../instrumentation.ts'
import { originOf } from './attempt.ts'
import { guardTool } from './guard.ts'
import { guardHosted } from './hosted.ts'
import { guardLocal } from './local.ts'
import { withRun } from './runs.ts'
import { type Agent, isFunctionTool, type Runner, type RunOptions, type Sdk, type Tool } from './sdk.ts'
import { guardSearch } from './search.ts'

export { guard } from './guard.ts'
export { holdHosted } from './hosted.ts'
export {
  type HeldCall,
  type HeldInterruptions,
  type ResumedInterruptions,
  requestInterruptions,
  resumeInterruptions,
} from './interruptions.ts'

/**
 * Function tools, tools of local MCP servers, the local shell and editor of `@openai/agents`, and hosted MCP tools that
 * have an `onApproval`. Not: the computer tool, and hosted tools that the provider calls without asking.
 */
export const openaiAgents: Instrumentation = {
  name: 'openai-agents',
  packages: { '@openai/agents-core': '>=0.20 <0.21' },
  specifiers: ['@openai/agents-core'],
  patch(exports, gate) {
    const sdk = exports as unknown as Sdk
    replaceMethod(exports.Agent, 'getAllTools', (original) => {
      return async function getAllTools(this: Agent, ...given: never[]) {
        const tools = (await original.apply(this, given)) as Tool[]
        return tools.map((tool) => {
          if (isFunctionTool(tool)) return guardTool(tool, originOf(tool, this), () => gate)
          return guardHosted(guardLocal(guardSearch(tool, sdk, gate), this, gate), () => gate)
        })
      } as never
    })
    replaceMethod(exports.Runner, 'run', (original) => {
      return function run(this: Runner, ...given: never[]) {
        const [, input, options] = given as unknown[] as [
          agent: unknown,
          input: unknown,
          options?: RunOptions,
        ]
        return withRun(this, input, options, () => original.apply(this, given))
      } as never
    })
  },
}
