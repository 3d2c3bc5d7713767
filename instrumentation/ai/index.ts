import type { Gate } from '#gate'
import { type Instrumentation, replaceExport, replaceMethod } from '../instrumentation.ts'
import { ask, refusedError } from './attempt.ts'
import { factsOf, withoutToolTimeouts } from './facts.ts'
import { approvedInput, factsOfTool, guardTools, release } from './guard.ts'
import { relay } from './relay.ts'
import type { Agent, CallOptions, ExecuteTool, Timeout, ToolExecution } from './sdk.ts'

export {
  type HeldApproval,
  type HeldApprovals,
  type ResumedApprovals,
  requestApprovals,
  resumeApprovals,
} from './approvals.ts'
export { guard } from './guard.ts'

/**
 * Tools of `generateText`, `streamText` and agents. They are held in `executeTool`, which whatever calls a tool comes
 * through; the functions above it say which tool it is, and keep the tool's timeout from running before it does.
 */
export const ai: Instrumentation = {
  name: 'ai',
  packages: { ai: '>=7 <8', '@ai-sdk/provider-utils': '>=5 <6' },
  specifiers: ['ai', '@ai-sdk/provider-utils'],
  replaces: ['generateText', 'streamText', 'experimental_streamTextLowMemory', 'executeTool'],
  patch(exports, gate) {
    if (exports.generateText === undefined) return patchExecuteTool(exports, gate)
    const maybe = ['experimental_streamTextLowMemory'].filter((name) => name in exports)
    for (const name of ['generateText', 'streamText', ...maybe])
      replaceExport(exports, name, (original) => {
        const call = original as unknown as (options: CallOptions, ...more: unknown[]) => unknown
        return ((options: CallOptions, ...more: unknown[]) =>
          call(guardOptions(options, options.timeout, gate), ...more)) as never
      })
    patchAgent(exports.ToolLoopAgent, gate)
  },
}

function patchExecuteTool(exports: Record<string, unknown>, gate: Gate): void {
  replaceExport(exports, 'executeTool', (original) => {
    const execute = original as unknown as ExecuteTool
    return async function* executeTool({ tool, input, options, ...more }: ToolExecution) {
      const facts = factsOfTool(tool) ?? {}
      const answer = await ask(facts, input, options, gate)
      if (!answer.permitted) throw refusedError(answer.refusal)
      yield* relay(answer, (approved) =>
        execute({
          ...more,
          tool,
          input: approvedInput(input, approved),
          options: release(options, facts),
        }),
      )
    } as never
  })
}

/** An agent calls the functions inside of the module, which no replacement of an export reaches. */
function patchAgent(ToolLoopAgent: unknown, gate: Gate): void {
  replaceMethod(ToolLoopAgent, 'prepareCall', (original) => {
    const prepare = original as unknown as (this: Agent, options: object) => Promise<CallOptions>
    return async function prepareCall(this: Agent, given: { [TIMEOUT]?: Timeout }) {
      const { [TIMEOUT]: timeout, ...options } = given
      const prepared = await prepare.call(this, options)
      return guardOptions(prepared, timeout ?? prepared.timeout, gate, this)
    } as never
  })
  for (const method of ['generate', 'stream'])
    replaceMethod(ToolLoopAgent, method, (original) => {
      const call = original as unknown as (this: Agent, options: CallOptions) => unknown
      return function (this: Agent, options: CallOptions) {
        const { timeout } = options
        if (timeout === undefined || timeout === null) return call.call(this, options)
        const given = { ...options, timeout: withoutToolTimeouts(timeout), [TIMEOUT]: timeout }
        return call.call(this, given as CallOptions)
      } as never
    })
}

/** On its way from `generate` to `prepareCall`, which is not told of it. */
const TIMEOUT = Symbol('holdpoint.timeout')

function guardOptions(
  options: CallOptions,
  timeout: Timeout | undefined,
  gate: Gate,
  agent?: Agent,
): CallOptions {
  if (options.tools === undefined || options.tools === null) return options
  const tools = guardTools(
    options.tools,
    (name) => factsOf(name, options, timeout, agent),
    () => gate,
  )
  const left = withoutToolTimeouts(options.timeout)
  return { ...options, tools, ...(left === undefined ? {} : { timeout: left }) }
}
