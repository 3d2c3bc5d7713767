import type { Gate } from '#gate'
import { bytesAtHand, MAX_BODY_BYTES, takeBody } from './body.ts'
import { createController, type UndiciController } from './controller.ts'
import type { DispatchOptions } from './dispatch.ts'
import { attemptOf, judge } from './judge.ts'
import { HoldpointRefused, tooLarge } from './refused.ts'
import { routesOf } from './routes.ts'
import { readHeaders, type Sent } from './sent.ts'

/** What undici tells of one request: `onRequestStart` and its like since version 7, `onConnect` and its like before. */
export type Handler = Record<string, unknown>

export interface HeldDispatch {
  gate: Gate
  sent: Sent
  /** The origin by which undici finds its connection. */
  address: string
  options: DispatchOptions
  handler: Handler
  send(options: DispatchOptions, handler: Handler): boolean
}

/** What was approved, by the handler that nobody but undici is given. */
const released = new WeakMap<Handler, { address: string; options: DispatchOptions }>()

/** Whether it is what was approved, on its way through undici; its own proxies add headers of theirs. */
export function isReleased(
  handler: Handler,
  address: string,
  { method, path, body }: DispatchOptions,
): boolean {
  const approved = released.get(handler)
  return (
    approved !== undefined &&
    approved.address === address &&
    approved.options.method === method &&
    approved.options.path === path &&
    approved.options.body === body
  )
}

/**
 * Keeps a request back until people have decided. Its handler is told at once that it has started, so that whoever waits
 * for the answer can give it up; nothing is connected yet, and none of undici's time limits runs.
 */
export function holdDispatch({ options, ...rest }: HeldDispatch): boolean {
  const held = { ...rest, options: frozen(options) }
  const { handler } = held
  const controller = createController()
  const isNew = typeof handler.onRequestStart === 'function' || typeof handler.onResponseStart === 'function'
  const fail = (error: unknown) =>
    isNew ? call(handler, 'onResponseError', controller, error) : call(handler, 'onError', error)
  if (isNew) call(handler, 'onRequestStart', controller, {})
  else call(handler, 'onConnect', (reason: unknown) => controller.abort(reason), {})
  decide(held, controller).then(
    (refused) => refused !== undefined && fail(controller.aborted ? controller.reason : refused),
    (error) => fail(controller.aborted ? controller.reason : error),
  )
  return true
}

/** As it is now: what the caller makes of it meanwhile was not asked for. */
const frozen = ({ headers, body, ...options }: DispatchOptions): DispatchOptions => ({
  ...options,
  headers: [...readHeaders(headers)].flat(),
  body: ArrayBuffer.isView(body) ? Buffer.from(bytesAtHand(body) ?? []) : body,
})

/** Resolves with why it was not sent; undefined once it is on its way, for then undici tells the handler. */
async function decide(held: HeldDispatch, controller: UndiciController): Promise<Error | undefined> {
  const { gate, options } = held
  let { sent } = held
  await gate.ready(controller.signal)
  const { says } = judge(gate, sent, () => bytesAtHand(options.body))
  if (controller.aborted) throw controller.reason
  if (says === 'allow' || says === 'observe') {
    const { to } = forward(held, controller)
    return pass({ ...options }, to, held)
  }

  const taken = await takeBody(options.body, controller.signal)
  if (taken === undefined) return tooLarge(routesOf(sent)[0].name, MAX_BODY_BYTES)
  const headers = options.headers as string[]
  if (taken.contentType !== undefined && !sent.headers.has('content-type')) {
    headers.push('content-type', taken.contentType)
    sent = { ...sent, headers: new Map([...sent.headers, ['content-type', taken.contentType]]) }
  }
  const { route } = judge(gate, sent, () => taken.bytes)
  const answer = await gate.hold(
    { ...attemptOf(sent, taken.bytes, route), signal: controller.signal },
    () => {
      const { to, status } = forward(held, controller)
      pass({ ...options, body: taken.bytes ?? null }, to, held)
      return status
    },
  )
  return answer.ran ? undefined : new HoldpointRefused(answer.refusal)
}

function pass(options: DispatchOptions, to: Handler, { address, send }: HeldDispatch): undefined {
  released.set(to, { address, options })
  send(options, to)
}

/** The caller's handler, which has heard of the start already; and what the server answers. */
function forward(
  { handler }: HeldDispatch,
  controller: UndiciController,
): { to: Handler; status: Promise<number> } {
  const { promise: status, resolve, reject } = Promise.withResolvers<number>()
  // Its failure reaches the caller by the handler.
  status.catch(() => {})
  const seen: Record<string, (...given: unknown[]) => void> = {
    onResponseStart: (_controller, code) => Number(code) >= 200 && resolve(Number(code)),
    onHeaders: (code) => Number(code) >= 200 && resolve(Number(code)),
    onRequestUpgrade: (_controller, code) => resolve(Number(code)),
    onUpgrade: (code) => resolve(Number(code)),
    onResponseError: (_controller, error) => reject(error),
    onError: reject,
  }
  const started: Record<string, (given: never) => void> = {
    onRequestStart: (real: UndiciController) => controller.follow(real),
    onConnect: (abort: (reason: unknown) => void) => controller.follow({ abort }),
  }
  const to = new Proxy(handler, {
    get(target, key) {
      const own = target[key as string]
      if (typeof own !== 'function') return own
      if (Object.hasOwn(started, key)) return started[key as string]
      return (...given: unknown[]) => {
        seen[key as string]?.(...given)
        return own.apply(target, given)
      }
    },
  })
  return { to, status }
}

function call(handler: Handler, method: string, ...given: unknown[]): void {
  const own = handler[method]
  if (typeof own === 'function') own.apply(handler, given)
}
