import type { Context } from 'hono'
import type { Desk } from '#desk'
import type { Session, Sessions, SignIn } from '#identity'
import type { Log } from '#runtime'
import type { Store } from '#store'
import type { Html } from './html/html.ts'
import { layout, type Shell } from './html/layout.ts'
import type { AssetUrls } from './http/assets.ts'
import type { Cookies } from './http/cookies.ts'
import type { Hub } from './live/hub.ts'

export interface Variables {
  session: Session
  /** What its cookie carries. */
  sessionId: string
}
export interface Env {
  Variables: Variables
}

/** What every page works with. */
export interface Parts {
  publicUrl: () => string
  isDevelopment: boolean
  assets: AssetUrls
  cookies: Cookies
  hub: Hub
  desk: Desk
  signIn: SignIn
  sessions: Sessions
  store: Pick<Store, 'query'> | undefined
  now: () => number
  log: Log
}

export type Frame = Omit<Shell, 'session' | 'isDevelopment' | 'assets'>

export const shellOf = (
  c: Context<Env>,
  { isDevelopment, assets }: Pick<Parts, 'isDevelopment' | 'assets'>,
  frame: Frame,
): Shell => ({ ...frame, isDevelopment, assets, session: c.get('session') as Session | undefined })

/** A whole page. */
export const page = (
  c: Context<Env>,
  parts: Pick<Parts, 'isDevelopment' | 'assets'>,
  frame: Frame & { status?: number },
  body: Html,
): Response => {
  const { status = 200, ...rest } = frame
  return c.html(String(layout(shellOf(c, parts, rest), body)), status as 200)
}
