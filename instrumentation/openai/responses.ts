import type { Gate } from '#gate'
import { replaceMethod } from '../instrumentation.ts'
import { attemptOf } from './attempt.ts'
import { holdMcp } from './mcp.ts'
import { runReleased } from './runs.ts'
import type { FunctionCall, McpApprovalRequest, McpApprovalResponse } from './sdk.ts'

/** The `ResponsesToolRunner`: its functions and the approvals of MCP calls; browser and computer hold for themselves. */
export function patchResponsesRunner(Runner: unknown, gate: Gate): void {
  replaceMethod(Runner, 'dispatchTool', (original) => {
    return async function dispatchTool(this: Runner, ...given: never[]) {
      const [item, turn, options, signal, supplied] = given as unknown as Dispatch
      const isOurs = item.type === 'function_call' && this.functions.has(item.name)
      if (!isOurs || supplied?.has(item.call_id)) return original.apply(this, given)
      const { call_id, name, arguments: argumentsText } = item
      const held = await gate.hold(
        attemptOf({ kind: 'tool', name, argumentsText, attempt: call_id, signal }),
        (approved) => {
          const exactly = { ...item, arguments: JSON.stringify(approved) }
          turn.functions.delete(call_id)
          this.prepareFunction(exactly, turn, options.onDiagnostic, signal)
          const more = [exactly, turn, options, signal, supplied] as never[]
          return runReleased(name, approved, () => original.apply(this, more))
        },
      )
      if (held.ran) return held.value
      // What stands for an output that the program has given itself: nothing is run for it.
      turn.outputs.push({ type: 'function_call_output', call_id, output: held.refusal.message })
    } as never
  })
  // A static method: the class is what it is called on.
  replaceMethod({ prototype: Runner, name: 'ResponsesToolRunner' }, 'decideMcpApproval', (original) => {
    return function decideMcpApproval(this: unknown, ...given: never[]) {
      const [item, options, signal] = given as unknown as [McpApprovalRequest, RunnerOptions, AbortSignal?]
      const approveMcp = async (request: McpApprovalRequest) => {
        const said = await options.approveMcp?.(request)
        if (said !== true) return said
        const answer: McpApprovalResponse = {
          type: 'mcp_approval_response',
          approval_request_id: item.id,
          approve: true,
        }
        return (await holdMcp(gate, item, answer, { signal })).approve
      }
      const held = Object.assign(Object.create(null), options, options.approveMcp && { approveMcp })
      return original.apply(this, [item, held, signal] as never[])
    } as never
  })
}

interface Runner {
  functions: ReadonlyMap<string, unknown>
  prepareFunction(item: FunctionCall, turn: Turn, onDiagnostic: unknown, signal?: AbortSignal): void
}
interface Turn {
  functions: Map<string, unknown>
  outputs: object[]
}
interface RunnerOptions {
  onDiagnostic?: unknown
  approveMcp?: (request: McpApprovalRequest) => unknown
}
type Dispatch = [
  item: FunctionCall | { type: 'computer_call' },
  turn: Turn,
  options: RunnerOptions,
  signal?: AbortSignal,
  supplied?: ReadonlyMap<string, unknown>,
]
