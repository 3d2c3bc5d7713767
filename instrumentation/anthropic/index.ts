import type { Gate } from '#gate'
import { type Instrumentation, replaceExport, replaceMethod } from '../instrumentation.ts'
import { guardTool, isGuarded, type Run } from './guard.ts'
import type { RequestOptions, RunnerParams } from './sdk.ts'

export { guard } from './guard.ts'

/**
 * The tools of the SDK's runners: for messages, for threads, and for managed sessions. Not: what the provider runs
 * itself, and what a program makes of `tool_use` blocks by itself, which `guard`, `hold` and the hooks of its clients
 * are for.
 */
export const anthropic: Instrumentation = {
  name: 'anthropic',
  packages: { '@anthropic-ai/sdk': '>=1.12 <2' },
  specifiers: [
    '@anthropic-ai/sdk',
    '@anthropic-ai/sdk/client',
    '@anthropic-ai/sdk/lib/tools/BetaRunnableTool',
    '@anthropic-ai/sdk/lib/internal/toolsets/run',
  ],
  replaces: ['runRunnableTool', 'runToolsetMember'],
  patch(exports, gate) {
    const names = ['runRunnableTool', 'runToolsetMember'].filter((name) => name in exports)
    for (const name of names) patchCall(exports, name, gate)
    if (names.length === 0) patchClients(exports, gate)
  },
}

/** Through these two goes every tool of every runner, however it has got there; what has a guard passes. */
function patchCall(exports: Record<string, unknown>, name: string, gate: Gate): void {
  replaceExport(exports, name, (original) => {
    return function runGuarded(this: unknown, tool: object, ...given: never[]) {
      const guarded = isGuarded(tool) ? tool : guardTool(tool, { gate: () => gate })
      return original.call(this, guarded as never, ...given)
    } as never
  })
}

function patchClients(exports: Record<string, unknown>, gate: Gate): void {
  const { Messages, Sessions } = (exports as unknown as Sdk).Anthropic?.Beta ?? {}
  const ToolError = Messages?.ToolError
  const runs = new WeakMap<object, Run>()
  const newRun = (): Run => ({ gate: () => gate, ToolError })
  const guarded = <P extends RunnerParams>(params: P, run: Run): P =>
    Array.isArray(params?.tools)
      ? { ...params, tools: params.tools.map((tool) => guardTool(tool, run)) }
      : params

  replaceMethod(Messages, 'toolRunner', (original) => {
    return function toolRunner(this: unknown, params: RunnerParams, ...more: [RequestOptions?, ...never[]]) {
      const run = newRun()
      run.user = params?.metadata?.user_id ?? undefined
      run.conversation = more[0]?.openTelemetry?.conversationId ?? undefined
      const runner = original.call(this, guarded(params, run) as never, ...(more as never[])) as object
      runs.set(runner, run)
      return runner
    } as never
  })
  replaceMethod(Messages?.BetaToolRunner, 'setMessagesParams', (original) => {
    return function setMessagesParams(this: { params: RunnerParams }, change: Change) {
      const run = runs.get(this) ?? newRun()
      const params = typeof change === 'function' ? change(this.params) : change
      run.user = params?.metadata?.user_id ?? undefined
      return original.call(this, guarded(params, run) as never)
    } as never
  })
  replaceMethod(Messages?.BetaToolRunner, 'addTools', (original) => {
    return function addTools(this: object, ...tools: object[]) {
      const run = runs.get(this) ?? newRun()
      return original.apply(this, tools.map((tool) => guardTool(tool, run)) as never[])
    } as never
  })
  replaceMethod(Sessions?.Events, 'toolRunner', (original) => {
    return function toolRunner(this: unknown, session: string, params: RunnerParams, ...more: never[]) {
      const run = newRun()
      run.conversation = session
      const given = [session, guarded(params, run), ...more] as never[]
      const runner = original.apply(this, given) as { signal?: AbortSignal }
      // A tool's own signal fires after the tool's timeout, which people need not keep to.
      run.signal = runner.signal
      return runner
    } as never
  })
}

type Change = RunnerParams | ((params: RunnerParams) => RunnerParams)

interface Sdk {
  Anthropic?: {
    Beta?: {
      Messages?: { BetaToolRunner: unknown; ToolError: new (message: string) => Error }
      Sessions?: { Events: unknown }
    }
  }
}
