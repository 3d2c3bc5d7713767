import { type Digest, digestBytes, HoldpointError } from '#contract'

/** As long as a timestamp may be off, in either direction: an older message is refused for its time. */
const REMEMBERED_MS = 2 * 5 * 60_000
/** Only whoever has a secret gets in here; still, nobody fills the memory. */
const MOST = 10_000

export interface Replays<Answer> {
  /**
   * Answers a message once: the same id again, with the same body, gets the same answer without another review;
   * with another body it is refused. Failures that may pass are not remembered. Throws what `work` throws.
   */
  once(id: string, body: string, work: () => Promise<Answer>): Promise<Answer>
}

/** In memory: after a restart a repeated message meets the broker, which takes one review of each person. */
export function createReplays<Answer>({ now }: { now: () => number }): Replays<Answer> {
  const seen = new Map<string, { body: Digest; answer: Promise<Answer>; untilMs: number }>()

  function forget(): void {
    // Oldest first: a map keeps its order.
    for (const [id, { untilMs }] of seen) {
      if (untilMs > now()) return
      seen.delete(id)
    }
  }

  return {
    async once(id, text, work) {
      forget()
      const body = digestBytes(text)
      const before = seen.get(id)
      if (before && before.body !== body)
        throw new HoldpointError(
          'INVALID_INPUT',
          'webhook-id: this one was another message; a new message has a new one',
        )
      if (before) return before.answer
      if (seen.size >= MOST)
        throw new HoldpointError('TOO_MANY', 'too many answers in ten minutes', { retryable: true })
      const answer = work()
      seen.set(id, { body, answer, untilMs: now() + REMEMBERED_MS })
      answer.catch((error: unknown) => {
        if (!(error instanceof HoldpointError) || PASSING.includes(error.code)) seen.delete(id)
      })
      return answer
    },
  }
}

const PASSING: readonly string[] = [
  'BROKER_UNAVAILABLE',
  'LEDGER_UNAVAILABLE',
  'POLICY_UNAVAILABLE',
  'UNAVAILABLE',
  'INTERNAL',
]
