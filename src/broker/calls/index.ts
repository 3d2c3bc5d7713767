import { agents } from './agents.ts'
import { cancel } from './cancel.ts'
import { cancelByPerson } from './cancel-by-person.ts'
import { claim } from './claim.ts'
import { consume } from './consume.ts'
import { erase } from './erase.ts'
import { explain } from './explain.ts'
import { freeze } from './freeze.ts'
import type { AgentHandlers, DeskHandlers } from './handler.ts'
import { heartbeat } from './heartbeat.ts'
import { hello } from './hello.ts'
import { ledger } from './ledger.ts'
import { list } from './list.ts'
import { outcome } from './outcome.ts'
import { policy } from './policy.ts'
import { request } from './request.ts'
import { review } from './review.ts'
import { revoke } from './revoke.ts'
import { show } from './show.ts'
import { trust } from './trust.ts'

/** Everything that the broker can be asked. */
export const agentHandlers: AgentHandlers = { hello, request, claim, consume, outcome, cancel, heartbeat }
export const deskHandlers: DeskHandlers = {
  list,
  show,
  review,
  cancel: cancelByPerson,
  revoke,
  erase,
  policy,
  explain,
  freeze,
  agents,
  ledger,
  trust,
}
export { channelHandlers } from './channel.ts'
