import type { RequestSummary, ShowReply } from '#contract'
import type { Stage } from '../stage.ts'
import { createRest } from './rest.ts'

interface Watching {
  /** Resolves when what was begun is done; rejects with whatever went wrong. */
  stop(): Promise<void>
}

/** A scripted second person for each held action: Bob for exports, Carol for roles. Both read the card first. */
export function reviewAll({ desk, signIn, running }: Stage, say: (text: string) => void): Watching {
  const reviews: Promise<void>[] = []
  const review = async ({ requestId, name }: RequestSummary): Promise<void> => {
    const person = name === 'grant_role' ? 'carol' : 'bob'
    const rest = createRest(running.http?.url ?? '', await signIn(person))
    const { card, renderHash } = await rest.get<ShowReply>(`/v1/requests/${requestId}`)
    say(`held      ${name} ${JSON.stringify(card.action.arguments)}`)
    const answer = { verdict: 'approve', reason: 'ticket 4711', renderHash }
    await rest.post(`/v1/requests/${requestId}/reviews`, answer)
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

/** Tells the person at the browser where to go, and what becomes of it. */
export function announce({ desk, running, passphrase }: Stage, say: (text: string) => void): Watching {
  let isFirst = true
  const unwatch = desk.watch((event, { name, rule, risk, state, reviews }) => {
    if (event === 'opened') {
      say(`HELD      ${name}, by rule ${rule}${risk === undefined ? '' : `, risk ${risk}`}`)
      if (isFirst)
        say(
          '\n    Be the second person. Open\n\n' +
            `        ${running.http?.url}\n\n` +
            '    sign in as Bob Berger or Carol Chen, read the card, and decide.\n' +
            `    The passphrase of the made-up people is ${passphrase}\n`,
        )
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
