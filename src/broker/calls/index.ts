import { cancel } from './cancel.ts'
import { claim } from './claim.ts'
import { consume } from './consume.ts'
import type { AgentHandlers, DeskHandlers } from './handler.ts'
import { heartbeat } from './heartbeat.ts'
import { hello } from './hello.ts'
import { list } from './list.ts'
import { outcome } from './outcome.ts'
import { request } from './request.ts'
import { review } from './review.ts'
import { show } from './show.ts'

/** Everything that the broker can be asked. */
export const agentHandlers: AgentHandlers = { hello, request, claim, consume, outcome, cancel, heartbeat }
export const deskHandlers: DeskHandlers = { list, show, review }
