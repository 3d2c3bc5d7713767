import { context, propagation, ROOT_CONTEXT } from '@opentelemetry/api'
import { HoldpointError, type JsonValue } from '#contract'
import type { Answer, Gate, GateAttempt } from '#gate'
import { CODE, errorAnswer, refusedResult } from './answers.ts'
import { isObject, type JsonObject, type Message } from './message.ts'
import { startProgress } from './progress.ts'
import { type ToolCall, writeToolCall } from './tool-call.ts'
import type { Judgement, Tools } from './tools.ts'

/** One `tools/call` on its way: first people or policy have to answer, then the server. */
export interface Call {
  /** The server has not seen it: whatever it says about it is invented. */
  isHeld(): boolean
  /** Nobody wants it any more. What is held is taken back and never runs; what has been sent is the server's affair. */
  cancel(): void
  answered(answer: Message): void
  /** No answer will come that could be passed on. `errorType`: what span and ledger say of a call that was sent. */
  lost(why: string, errorType: string): void
}

export interface CallDeps {
  gate: Pick<Gate, 'ask'>
  tools: Tools
  /** Unique among all calls of all gateways of this agent. */
  attempt: string
  /** Asked for late: the server may not have said its version yet. */
  target(): string
  agentName: string | undefined
  /** To the server. */
  send(line: string): void
  /** To the client; what is answered after a cancellation is dropped there. */
  answer(message: JsonObject): void
  /** To the client, beside its answer. */
  notify(message: JsonObject): void
  progressEveryMs: number
  warn(text: string, error: unknown): void
}

/** Never throws; whatever goes wrong is the call's answer. */
export function startCall(asked: ToolCall, deps: CallDeps): Call {
  const { id, name, meta } = asked
  const caller = new AbortController()
  let reply: PromiseWithResolvers<Message> | undefined
  let lostBy: string | undefined

  async function run(): Promise<void> {
    const judging = deps.tools.judge(name, meta)
    const judged = judging instanceof Promise ? await judging : judging
    const answer = await ask(attemptOf(judged))
    if (!answer.permitted)
      return deps.answer(unlessLost(() => refusedResult(id, answer.refusal.message, meta)))
    if (answer.requestId !== undefined && (await isChanged(judged))) {
      answer.abandon()
      return deps.answer(unlessLost(() => refusedResult(id, CHANGED(name), meta)))
    }
    try {
      await answer.run((approved) => send(approved as JsonObject))
    } catch (error) {
      // What kept the answer away has been told already; anything else kept the call from being made.
      if (!(error instanceof NoAnswer))
        deps.answer(unlessLost(() => refusedResult(id, messageOf(error), meta)))
    }
  }

  async function isChanged(before: Judgement): Promise<boolean> {
    const { digest, doubt } = await deps.tools.judge(name, meta)
    return digest !== before.digest || (doubt !== undefined && doubt !== before.doubt)
  }

  function ask(attempt: GateAttempt): Promise<Answer> {
    // The client's span (MCP: params._meta, as in W3C Trace Context); without one this call begins a trace.
    const parent = propagation.extract(ROOT_CONTEXT, meta, META_GETTER)
    return context.with(parent, () => deps.gate.ask(attempt)).finally(() => progress?.stop())
  }

  let progress: { stop(): void } | undefined
  const attemptOf = ({ digest, doubt }: Judgement): GateAttempt => ({
    kind: 'mcp',
    name,
    target: deps.target(),
    arguments: asked.arguments ?? {},
    attempt: deps.attempt,
    signal: caller.signal,
    ...(deps.agentName === undefined ? {} : { agentName: deps.agentName }),
    ...(doubt === undefined ? {} : { doubt }),
    ...(digest === undefined ? {} : { bindings: { toolSchemaDigest: digest } }),
    failureIn: (answer) => failureIn(answer as Message),
    onHeld: (request) => {
      progress = startProgress(meta.progressToken, {
        ...request,
        everyMs: deps.progressEveryMs,
        notify: deps.notify,
      })
    },
  })

  function send(approved: JsonObject): Promise<Message> {
    // Made first: what the transport does at once may already be the answer.
    reply = Promise.withResolvers<Message>()
    deps.send(writeToolCall(asked, approved))
    return reply.promise
  }

  const unlessLost = (make: () => JsonObject): JsonObject =>
    lostBy === undefined ? make() : errorAnswer(id, CODE.internal, `${lostBy}; ${name} was not run`)

  void run().catch((error: unknown) => {
    deps.warn(`the call of ${name} failed`, error)
    deps.answer(errorAnswer(id, CODE.internal, `a fault of the gateway’s own; ${name} was not run`))
  })

  return {
    isHeld: () => reply === undefined,
    cancel() {
      caller.abort()
      reply?.reject(new NoAnswer('The client cancelled it.', 'cancelled'))
    },
    answered: (answer) => reply?.resolve(answer),
    lost(why, errorType) {
      lostBy = why
      if (reply !== undefined)
        deps.answer(errorAnswer(id, CODE.internal, `${why}; whether ${name} ran is unknown`))
      caller.abort()
      reply?.reject(new NoAnswer(why, errorType))
    },
  }
}

/** The name is what the ledger and the span say of it. */
class NoAnswer extends Error {
  constructor(message: string, name: string) {
    super(message)
    this.name = name
  }
}

/** What people saw on the card is bound to the tool as it was described then. */
const CHANGED = (name: string): string =>
  `${name} was not run (WARRANT_MISMATCH). The server has changed this tool while people decided. List the tools again, and call it only if it still does what you need.`

/** MCP semantic conventions: the JSON-RPC code, or `tool_error` for a result that says it failed. */
function failureIn({ error, result }: Message): string | undefined {
  if (isObject(error)) return String(error.code)
  return isObject(result) && result.isError === true ? 'tool_error' : undefined
}

const messageOf = (error: unknown): string =>
  error instanceof HoldpointError ? error.message : 'The call was not made.'

const META_GETTER = {
  keys: (meta: JsonObject): string[] => Object.keys(meta),
  get: (meta: JsonObject, key: string): string | undefined => {
    const value: JsonValue | undefined = Object.hasOwn(meta, key) ? meta[key] : undefined
    return typeof value === 'string' && value.length <= 8_192 ? value : undefined
  },
}
