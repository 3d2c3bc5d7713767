import { AsyncLocalStorage } from 'node:async_hooks'
import type { Gate } from '#gate'
import { replaceExport, replaceMethod } from '../instrumentation.ts'
import { attemptOf } from './attempt.ts'

/**
 * `toolHandlers` of agent sessions (beta). A handler is told its arguments alone: which call it is, is known where it is
 * prepared. A refusal is what the handler returns.
 */
export function patchAgentTools(exports: Record<string, unknown>, gate: Gate): void {
  replaceMethod(exports.AgentToolDispatcher, 'prepare', (original) => {
    return function prepare(this: unknown, ...given: never[]) {
      const [call, session] = given as unknown as [SessionCall | undefined, string | undefined]
      // Taken now, as the SDK does: the program sees the event, and may change it.
      const known = { id: call?.call_id, session }
      const run = original.apply(this, given) as (() => Promise<void>) | undefined
      return run && (() => calls.run(known, run))
    } as never
  })
  replaceExport(exports, 'AgentToolDispatcher', (Original) => {
    const Dispatcher = Original as unknown as DispatcherClass
    return class AgentToolDispatcher extends Dispatcher {
      constructor(sessions: unknown, handlers: Handlers, controller: AbortController, ...more: unknown[]) {
        const held = Object.entries(handlers).map(([name, handler]) => [
          name,
          holdHandler(name, handler, controller?.signal, gate),
        ])
        super(sessions, Object.fromEntries(held), controller, ...more)
      }
    } as never
  })
}

const calls = new AsyncLocalStorage<{ id?: string | undefined; session?: string | undefined }>()

function holdHandler(name: string, handler: Handler, signal: AbortSignal | undefined, gate: Gate): Handler {
  if (typeof handler !== 'function') return handler
  const held: Handler = async (given, ...more) => {
    const { id, session } = calls.getStore() ?? {}
    const answer = await gate.hold(
      attemptOf({ kind: 'tool', name, arguments: given, attempt: id, conversation: session, signal }),
      (approved) => handler(approved, ...more),
    )
    return answer.ran ? answer.value : answer.refusal.message
  }
  // The SDK marks what its helpers have made.
  for (const mark of Object.getOwnPropertySymbols(handler))
    Object.defineProperty(held, mark, Object.getOwnPropertyDescriptor(handler, mark) as PropertyDescriptor)
  return held
}

type Handler = (given: unknown, ...more: unknown[]) => unknown
type Handlers = Record<string, Handler>
type DispatcherClass = new (...given: unknown[]) => object
interface SessionCall {
  call_id?: string
}
