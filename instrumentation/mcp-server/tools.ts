import { canonicalize } from '#contract'
import type { Gate } from '#gate'
import { takeCover } from '../covered.ts'
import { replaceMethod } from '../instrumentation.ts'
import { holdCall, passingOn, type ServerCall, takePass } from './call.ts'
import { registerAsOwn, requestOf } from './handlers.ts'
import type { Context, Internals, Request, Tool } from './sdk.ts'

/** `McpServer`, both versions, a class of it or one alone: people see what the tool will be given, defaults and all. */
export function holdTools(target: unknown, gate: () => Gate): void {
  replaceMethod(target, 'setToolRequestHandlers', (original) => {
    return function setToolRequestHandlers(this: Internals, ...given: never[]) {
      return registerAsOwn(this.server, () => original.apply(this, given))
    } as never
  })
  replaceMethod(target, 'executeToolHandler', (original) => {
    const execute = original as unknown as Execute
    return async function executeToolHandler(this: Internals, tool: Tool, args: unknown, context: Context) {
      const run = (given: unknown, of = context) =>
        passingOn(of, [tool, given], () => execute.call(this, tool, given, of))
      const known = nameOf(this, tool)
      const params = requestOf(context)?.params
      const call = { server: this.server, name: known ?? params?.name ?? 'unknown tool', context }
      if (takePass(context, tool, args) || isCovered(call, args)) return run(args)
      const attempt: ServerCall = {
        ...call,
        arguments: args ?? {},
        doubt: known === undefined ? UNKNOWN : undefined,
      }
      if (isJson(args)) return holdCall(attempt, gate(), (approved, of) => run(args && approved, of))
      // A schema that makes dates or classes: people see what it makes them of, and it makes them of that again.
      return holdCall({ ...attempt, arguments: params?.arguments ?? args }, gate(), async (approved, of) =>
        run(await this.validateToolInput(tool, approved, call.name), of),
      )
    } as never
  })
  if (!isMethod(target, 'handleAutomaticTaskPolling')) return
  // v1: a tool that makes tasks is begun here where its caller waits for the result, and not by the method above.
  replaceMethod(target, 'handleAutomaticTaskPolling', (original) => {
    const poll = original as unknown as Poll
    return async function (this: Internals, tool: Tool, request: Request, context: Context) {
      const run = (given: Request) => passingOn(context, [given], () => poll.call(this, tool, given, context))
      const { name, arguments: given } = request.params
      const call = { server: this.server, name, context, arguments: given ?? {} }
      if (takePass(context, request) || isCovered(call, given)) return run(request)
      // What the schema rejects is not put before a person.
      await this.validateToolInput(tool, given, name)
      return holdCall(call, gate(), (approved) =>
        run(
          given === undefined ? request : { ...request, params: { ...request.params, arguments: approved } },
        ),
      )
    } as never
  })
}

type Execute = (this: Internals, tool: Tool, args: unknown, context: Context) => Promise<unknown>
type Poll = (this: Internals, tool: Tool, request: Request, context: Context) => Promise<unknown>

const UNKNOWN = 'the server has registered no such tool'

/** A tool does not know its name: it may have been given another. */
const nameOf = ({ _registeredTools: tools = {} }: Internals, tool: Tool): string | undefined =>
  Object.keys(tools).find((name) => tools[name] === tool)

/** A client in this process has had this very call released. What it sent is compared, before a schema changes it. */
const isCovered = ({ name, context }: Pick<ServerCall, 'name' | 'context'>, args: unknown): boolean => {
  const params = requestOf(context)?.params
  return takeCover(name, (params === undefined ? args : params.arguments) ?? {}, 'server')
}

function isJson(args: unknown): args is Record<string, unknown> | undefined {
  try {
    return args === undefined || canonicalize(args) !== ''
  } catch {
    return false
  }
}

const isMethod = (target: unknown, name: string): boolean =>
  typeof (target as { prototype?: Record<string, unknown> }).prototype?.[name] === 'function'
