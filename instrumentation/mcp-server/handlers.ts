import type { Gate } from '#gate'
import { takeCover } from '../covered.ts'
import { replaceMethod } from '../instrumentation.ts'
import { holdCall, passingOn, refusalIn, takePass } from './call.ts'
import type { Context, LowServer, Params, Request } from './sdk.ts'

/** `Server`, both versions, a class of it or one alone: handlers of `tools/call` that a program has written itself. */
export function holdHandlers(target: unknown, gate: () => Gate): void {
  replaceMethod(target, 'setRequestHandler', (original) => {
    return function setRequestHandler(this: LowServer, ...given: unknown[]) {
      const at = given.findLastIndex((one) => typeof one === 'function')
      const handler = given[at] as Handler | undefined
      if (handler === undefined) return original.apply(this, given as never[])
      // v2 with schemas of the program's own: its handler is given the parameters alone.
      const how = { isOwn: registering.has(this), isBare: at === 2 }
      return original.apply(this, given.with(at, guardHandler(handler, this, gate, how)) as never[])
    } as never
  })
  replaceMethod(target, '_onrequest', (original) => {
    return function _onrequest(this: WithFallback, ...given: never[]) {
      // It is a plain member, which may be set at any time.
      const { fallbackRequestHandler: fallback } = this
      if (fallback !== undefined && !guardedHandlers.has(fallback))
        this.fallbackRequestHandler = guardHandler(fallback, this, gate)
      return original.apply(this, given)
    } as never
  })
}

type WithFallback = LowServer & { fallbackRequestHandler?: Handler }

const guardedHandlers = new WeakSet<Handler>()

function guardHandler(
  handler: Handler,
  server: LowServer,
  gate: () => Gate,
  { isOwn = false, isBare = false } = {},
): Handler {
  const guarded: Handler = (message, context) => {
    if ((context?.mcpReq?.method ?? (message as Request | undefined)?.method) !== 'tools/call')
      return handler(message, context)
    const request = (isBare ? { params: message } : message) as Request
    const run: Run = (params, of) =>
      handler(isBare ? params : request.params === params ? message : { ...request, params }, of)
    return isOwn ? passOn(request, context, run) : hold(server, request, context, run, gate)
  }
  guardedHandlers.add(guarded)
  return guarded
}

type Handler = (message: unknown, context: Context) => unknown
type Run = (params: Params, context: Context) => unknown

const registering = new WeakSet<LowServer>()

/** What `McpServer` registers meanwhile is its own handler: its calls are held once they have been validated. */
export function registerAsOwn<T>(server: LowServer, register: () => T): T {
  registering.add(server)
  try {
    return register()
  } finally {
    registering.delete(server)
  }
}

const requests = new WeakMap<object, Request>()
/** As the client sent it. */
export const requestOf = (context: object): Request | undefined => requests.get(context)

async function passOn(request: Request, context: Context, run: Run): Promise<unknown> {
  requests.set(context, request)
  return orTaskRefused(request, context, await run(request.params, context))
}

async function hold(
  server: LowServer,
  request: Request,
  context: Context,
  run: Run,
  gate: () => Gate,
): Promise<unknown> {
  const { params } = request
  const given = params.arguments ?? {}
  const execute = (given: Params, of = context) => passingOn(of, [given], () => run(given, of))
  if (takePass(context, params) || takeCover(params.name, given, 'server')) return execute(params)
  const isNamed = typeof params.name === 'string' && params.name !== ''
  const name = isNamed ? params.name : 'unknown tool'
  const doubt = isNamed ? undefined : 'the call names no tool'
  const result = await holdCall({ server, name, arguments: given, context, doubt }, gate(), (approved, of) =>
    execute(params.arguments === undefined ? params : { ...params, arguments: approved }, of),
  )
  return orTaskRefused(request, context, result)
}

/** Who asked for a task takes no other result: then the refusal is an error of the protocol. */
function orTaskRefused({ params }: Request, context: Context, result: unknown): unknown {
  const refusal = refusalIn(context)
  if (params.task === undefined || refusal === undefined) return result
  throw Object.assign(new Error(refusal), { code: INVALID_REQUEST })
}

const INVALID_REQUEST = -32_600
