import type { Digest, RequestState, ShowReply, Verdict } from '#contract'
import type { Desk } from './desk.ts'

export interface Submitted {
  requestId: string
  state: RequestState
  missing: number
}

/** Quotes the card that was shown. */
export async function submitReview(
  desk: Desk,
  token: string,
  { card: { requestId }, renderHash }: ShowReply,
  given: { verdict: Verdict; reason?: string | undefined; rendition?: Digest },
): Promise<Submitted> {
  const { verdict, reason, rendition } = given
  const reply = await desk.review({
    requestId,
    verdict,
    renderHash,
    channel: 'cli',
    token,
    ...(reason === undefined || reason === '' ? {} : { reason }),
    ...(rendition === undefined ? {} : { rendition }),
  })
  return { requestId, ...reply }
}

export const submittedText = ({ requestId, state, missing }: Submitted): string =>
  `${requestId} is ${state}${state === 'pending' ? `, ${missing} more to go` : ''}`
