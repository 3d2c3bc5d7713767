import type { TrustReply } from '#contract'
import type { Desk } from '#desk'

const KEPT_MS = 1_000

/** The public keys. Anybody may ask, without a token: so a flood of questions becomes one a second to the broker. */
export function createTrustView(deps: {
  desk: Pick<Desk, 'trust'>
  now: () => number
}): () => Promise<TrustReply> {
  let kept: { reply: Promise<TrustReply>; untilMs: number } | undefined
  return () => {
    if (kept && deps.now() < kept.untilMs) return kept.reply
    const reply = deps.desk.trust()
    const asked = { reply, untilMs: Number.POSITIVE_INFINITY }
    kept = asked
    const answered = (): void => {
      asked.untilMs = deps.now() + KEPT_MS
    }
    reply.then(answered, answered)
    return reply
  }
}
