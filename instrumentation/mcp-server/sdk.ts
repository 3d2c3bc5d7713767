/** What is used of `@modelcontextprotocol/sdk` (v1) and `@modelcontextprotocol/server` (v2). */
export interface LowServer {
  setRequestHandler(...given: never[]): unknown
  getClientVersion(): { name: string; version: string } | undefined
  getClientCapabilities(): object | undefined
}
/** Private, and there since 1.0; without it an action has no target. */
export const infoOf = (server: LowServer): { name: string; version: string } | undefined =>
  (server as { _serverInfo?: { name: string; version: string } })._serverInfo

export interface HighServer {
  server: LowServer
  registerTool(...given: never[]): unknown
}

export interface Internals extends HighServer {
  _registeredTools?: Record<string, Tool>
  validateToolInput(tool: Tool, given: unknown, name: string): Promise<unknown>
}

export type Tool = object

export interface Params {
  name: string
  arguments?: Record<string, unknown>
  /** v1: the caller does not wait for the result, but is given a task. */
  task?: unknown
}
export interface Request {
  method?: string
  params: Params
}

/** The last argument of every handler: one object for each request. */
export type Context = V1Context | V2Context
interface V1Context {
  requestId: string | number
  signal: AbortSignal
  sessionId?: string
  authInfo?: AuthInfo
  _meta?: Meta
  sendNotification(notification: object): Promise<void>
  mcpReq?: undefined
}
export interface V2Context {
  sessionId?: string
  http?: { authInfo?: AuthInfo }
  mcpReq: {
    id: string | number
    method: string
    signal: AbortSignal
    _meta?: Meta
    /** Of a client that speaks the protocol of 2026-07-28: who it is and what it can do, in each request. */
    envelope?: Record<string, unknown>
    /** What an earlier answer to this call told the client to come back with, and what its user has said meanwhile. */
    requestState?(): unknown
    inputResponses?: Record<string, unknown> | undefined
    notify(notification: object): Promise<void>
  }
}
interface AuthInfo {
  extra?: Record<string, unknown>
}
interface Meta {
  progressToken?: string | number
}

export interface RequestFacts {
  method: string | undefined
  signal: AbortSignal
  progressToken: string | number | undefined
  conversation: string | undefined
  user: string | undefined
  notify(notification: object): Promise<void>
}

export const factsOf = (context: Context, request?: Request): RequestFacts =>
  context.mcpReq === undefined
    ? {
        method: request?.method,
        signal: context.signal,
        progressToken: context._meta?.progressToken,
        conversation: context.sessionId,
        user: userIn(context.authInfo),
        notify: (notification) => context.sendNotification(notification),
      }
    : {
        method: context.mcpReq.method,
        signal: context.mcpReq.signal,
        progressToken: context.mcpReq._meta?.progressToken,
        conversation: context.sessionId,
        user: userIn(context.http?.authInfo),
        notify: (notification) => context.mcpReq.notify(notification),
      }

/** Whose token it is. `clientId` is not asked: that is a program. */
function userIn({ extra = {} }: AuthInfo = {}): string | undefined {
  const { sub, userId = sub } = extra
  return typeof userId === 'string' && userId !== '' ? userId : undefined
}
