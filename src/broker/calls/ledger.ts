import { type LedgerCall, type LedgerReply, ledgerCallShape, logOrigin } from '#contract'
import type { DeskHandler } from './handler.ts'

/** How far the ledger has got, and the newest checkpoint that is signed: what anybody can check it by. */
export const ledger: DeskHandler<LedgerCall, LedgerReply> = {
  shape: ledgerCallShape,
  async handle({ token }, { identity, config: { origin }, epoch, newest, checkpoint }) {
    await identity.verifyToken(token)
    const signed = await checkpoint()
    const { size, entries } = newest.look()
    return {
      epoch: epoch(),
      origin: logOrigin(origin, epoch()),
      size,
      ...(signed === undefined ? {} : { checkpoint: signed }),
      entries,
    }
  },
}
