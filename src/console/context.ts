import type { Context } from 'hono'
import type { Desk } from '#desk'
import type { Session, Sessions, SignIn } from '#identity'
import type { Log } from '#runtime'
import type { Store } from '#store'
import type { FrozenNow, FrozenView } from './frozen.ts'
import type { Html } from './html/html.ts'
import { layout, type Shell } from './html/layout.ts'
import type { AssetUrls } from './http/assets.ts'
import type { Cookies } from './http/cookies.ts'
import type { Hub } from './live/hub.ts'

export interface Variables {
  session: Session
  /** What its cookie carries. */
  sessionId: string
  /** Who may do nothing now; never rejects. */
  frozen: Promise<FrozenNow | undefined>
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
  frozen: FrozenView
  desk: Desk
  signIn: SignIn
  sessions: Sessions
  store: Pick<Store, 'query'> | undefined
  /** How long a page waits for the store. */
  patienceMs: number
  now: () => number
  log: Log
}

export type Frame = Omit<Shell, 'session' | 'frozen' | 'isDevelopment' | 'assets'>

export const shellOf = async (
  c: Context<Env>,
  { isDevelopment, assets }: Pick<Parts, 'isDevelopment' | 'assets'>,
  frame: Frame,
): Promise<Shell> => ({
  ...frame,
  ...{ isDevelopment, assets },
  session: c.get('session') as Session | undefined,
  frozen: await c.get('frozen'),
})

/** A whole page. */
export const page = async (
  c: Context<Env>,
  parts: Pick<Parts, 'isDevelopment' | 'assets'>,
  frame: Frame & { status?: number },
  body: Html,
): Promise<Response> => {
  const { status = 200, ...rest } = frame
  return c.html(String(layout(await shellOf(c, parts, rest), body)), status as 200)
}
