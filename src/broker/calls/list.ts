import { type ListCall, listCallShape, type RequestSummary } from '#contract'
import { summarise } from '../requests.ts'
import type { DeskHandler } from './handler.ts'

const MOST = 1_000

/** Requests for whoever is signed in; newest first where all are asked for, oldest first while they wait. */
export const list: DeskHandler<ListCall, { requests: RequestSummary[] }> = {
  shape: listCallShape,
  async handle({ token, state = 'pending' }, { identity, requests }) {
    await identity.verifyToken(token)
    const found = state === 'pending' ? [...requests.pending()] : [...requests.all()].reverse()
    return { requests: found.slice(0, MOST).map(summarise) }
  },
}
