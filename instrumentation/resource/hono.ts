import type {} from 'hono'
import type { Release } from '#gate'
import { checkUnambiguous } from './body.ts'
import { concludeBy, type GuardOptions, verifyRequest, WARRANT_HEADER } from './guard.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** What was released, where `guard` stands before the handler: run these arguments and no others. */
    holdpoint: Release
  }
}

/** What is used of Hono's own context. */
export interface GuardedContext {
  req: {
    header(name: string): string | undefined
    /** Kept by Hono: whoever reads the body later reads the same text. */
    text(): Promise<string>
    json(): Promise<unknown>
    raw: { signal: AbortSignal }
  }
  res: { status: number }
  error: Error | undefined
  set(name: 'holdpoint', release: Release): void
}

/** For one route of Hono 4: its handler runs with a warrant for exactly this request, or not at all. */
export function guard<C extends GuardedContext = GuardedContext>(
  options: GuardOptions<C>,
): (context: C, next: () => Promise<void>) => Promise<Response | undefined> {
  return async (context, next) => {
    const { req } = context
    const verified = await verifyRequest(
      {
        request: context,
        header: req.header(WARRANT_HEADER),
        readBody: async () => checkUnambiguous(await req.text()),
        isGone: () => req.raw.signal.aborted,
      },
      options,
    )
    if ('problem' in verified) {
      const { status, headers, body } = verified.problem
      return new Response(body, { status, headers })
    }
    const { release } = verified
    context.set('holdpoint', release)
    try {
      await next()
    } catch (error) {
      release.done('failed', errorName(error))
      throw error
    }
    if (context.error === undefined) concludeBy(context.res.status, release)
    else release.done('failed', errorName(context.error))
    return undefined
  }
}

const errorName = (error: unknown): string => (error instanceof Error ? error.name : 'Error')
