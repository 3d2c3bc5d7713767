import { expect, test } from 'vitest'
import { digestBytes, HoldpointError, type ReviewReply } from '#contract'
import { createLog } from '#runtime'
import { createAnswers } from '../../src/channels/webhook/answers.ts'
import { sign } from '../../src/channels/webhook/secret.ts'
import { endpointOf, OTHER_SECRET, SECRET } from './scene.ts'

const NOW_MS = 1_800_000_000_000
const AS_MANY_AS_ARE_REMEMBERED = 10_000
const body = JSON.stringify({
  requestId: '1-abc',
  verdict: 'approve',
  renderHash: digestBytes('card'),
  reviewer: { iss: 'https://chat.example.com', sub: 'U7', name: 'Uma' },
})

/** Two endpoints that may answer, and a broker that says what it is told to. */
function answersOf(review: () => Promise<ReviewReply>) {
  const endpoints = [
    endpointOf({ name: 'hook', answers: true }),
    endpointOf({ name: 'other', secret: OTHER_SECRET, answers: true }),
  ]
  const log = createLog({ name: 'test', level: 'silent', human: false, write: () => {} })
  const app = createAnswers(
    { endpoints },
    { desk: { review }, channelDesk: { review }, now: () => NOW_MS, log },
  )
  return (name: string, secret: string, id: string) =>
    app.request(`/v1/webhooks/${name}/reviews`, {
      method: 'POST',
      headers: sign(secret, { id, timestamp: NOW_MS / 1000 }, body),
      body,
    })
}

test('webhook answer - an endpoint that sends as much as it may keeps no other from answering', async () => {
  const send = answersOf(async () => ({ state: 'pending', missing: 1 }))
  for (let at = 0; at < AS_MANY_AS_ARE_REMEMBERED; at++) await send('hook', SECRET, `msg_${at}`)
  expect((await send('hook', SECRET, 'one-more')).status).toBe(429)
  expect((await send('other', OTHER_SECRET, 'first')).status).toBe(201)
})

test.each(['POLICY_UNAVAILABLE', 'LEDGER_UNAVAILABLE', 'BROKER_UNAVAILABLE', 'UNAVAILABLE'] as const)(
  'webhook answer - %s is not remembered: the same message again is looked at again',
  async (code) => {
    let calls = 0
    const send = answersOf(async () => {
      if (++calls === 1) throw new HoldpointError(code)
      return { state: 'approved', missing: 0 }
    })
    expect((await send('hook', SECRET, 'again')).status).toBe(503)
    expect((await send('hook', SECRET, 'again')).status).toBe(201)
  },
)
