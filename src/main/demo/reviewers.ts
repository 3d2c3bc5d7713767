import type { RequestSummary } from '#contract'
import type { Stage } from './stage.ts'

interface Watching {
  /** Resolves when what was begun is done; rejects with whatever went wrong. */
  stop(): Promise<void>
}

/** A scripted second person for each held action: Bob for exports, Carol for roles. Both read the card first. */
export function reviewAll({ desk, signIn }: Stage, say: (text: string) => void): Watching {
  const reviews: Promise<void>[] = []
  const review = async ({ requestId, name }: RequestSummary): Promise<void> => {
    const person = name === 'grant_role' ? 'carol' : 'bob'
    const token = await signIn(person)
    const { card, renderHash } = await desk.show(token, requestId)
    say(`held      ${name} ${JSON.stringify(card.action.arguments)}`)
    await desk.review({
      requestId,
      verdict: 'approve',
      reason: 'ticket 4711',
      renderHash,
      channel: 'api',
      token,
    })
    say(`released  ${name} by ${person}`)
  }
  const unwatch = desk.watch((event, request) => {
    if (event === 'opened') reviews.push(review(request))
  })
  return {
    async stop() {
      unwatch()
      await Promise.all(reviews)
    },
  }
}

/** Enough of an id among the two that wait, and short enough for a terminal of 80 columns. */
const SHORT_ID = 8

/** Tells the person at the other terminal what to type. */
export function announce({ desk }: Stage, dataDir: string, say: (text: string) => void): Watching {
  const holdpoint = `HOLDPOINT_DATA_DIR=${dataDir} npx holdpoint`
  let isFirst = true
  const unwatch = desk.watch((event, { requestId, name, rule, risk, state, reviews }) => {
    if (event === 'opened') {
      say(`HELD      ${name}, by rule ${rule}${risk === undefined ? '' : `, risk ${risk}`}`)
      say('    Be the second person, in another terminal in this folder:')
      if (isFirst) say(`    ${holdpoint} login bob`)
      say(`    ${holdpoint} requests approve ${requestId.slice(0, SHORT_ID)}`)
      isFirst = false
    }
    if (event === 'decided')
      say(
        `${state.toUpperCase().padEnd(9)} ${name}${reviews[0] ? ` by ${reviews.map(({ name: by }) => by).join(', ')}` : ''}`,
      )
  })
  return {
    async stop() {
      unwatch()
    },
  }
}
