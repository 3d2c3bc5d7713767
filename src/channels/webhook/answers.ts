import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import {
  type Digest,
  digestBytes,
  HoldpointError,
  PROBLEM_TYPE,
  parse,
  parseJson,
  problemOf,
  type ReviewReply,
  type WebhookAnswer,
  webhookAnswerShape,
} from '#contract'
import type { ChannelDesk, Desk } from '#desk'
import type { Log } from '#runtime'
import type { WebhookEndpoint } from './endpoints.ts'
import { answerPath, channelOf } from './message.ts'
import { createReplays } from './replays.ts'
import { newSecret } from './secret.ts'
import { readSigned, type Signed, unverifiable } from './signed-request.ts'

const MOST_BYTES = 64 * 1024
const MOST_AT_ONCE = 32

interface AnswersDeps {
  desk: Pick<Desk, 'review'>
  channelDesk: Pick<ChannelDesk, 'review'>
  now: () => number
  log: Log
}

/** `POST /v1/webhooks/:name/reviews`: what an endpoint answers, signed with its secret, becomes a review. */
export function createAnswers(config: { endpoints: readonly WebhookEndpoint[] }, deps: AnswersDeps): Hono {
  // What each remembers is its own: one that sends as much as it may keeps no other from answering.
  const endpoints = new Map(
    config.endpoints.map((endpoint) => [
      endpoint.name,
      { ...endpoint, replays: createReplays<ReviewReply>({ now: deps.now }) },
    ]),
  )
  // For names that do not exist: a wrong name takes the same way, and the same time, as a wrong signature.
  const decoy = newSecret()
  const bounded = createBounds(MOST_AT_ONCE)

  async function answer(context: Context): Promise<Response> {
    const name = context.req.param('name') ?? ''
    const endpoint = endpoints.get(name)
    const signed = await readSigned(context.req.raw, endpoint?.secret ?? decoy, deps.now())
    if (!endpoint) throw unverifiable()
    if (!endpoint.answers)
      throw new HoldpointError('NOT_A_REVIEWER', `${name} may not answer: its \`answers\` is not true`)
    const review = () => submit(parseAnswer(signed.body), channelOf(name), evidenceOf(signed), deps)
    const reply = await bounded(name, () => endpoint.replays.once(signed.id, signed.body, review))
    return context.json(reply, 201)
  }

  const app = new Hono()
  app.onError((error, context) => problem(context, error, deps.log))
  app.notFound((context) =>
    problem(context, new HoldpointError('NOT_FOUND', 'there is nothing at this address'), deps.log),
  )
  app.use(answerPath(':name'), async (context, next) => {
    if (context.req.method !== 'POST') {
      context.header('allow', 'POST')
      throw new HoldpointError('METHOD_NOT_ALLOWED', `${context.req.method}: a review is a POST`)
    }
    await next()
  })
  app.use(
    answerPath(':name'),
    bodyLimit({
      maxSize: MOST_BYTES,
      onError: () => {
        throw new HoldpointError('PAYLOAD_TOO_LARGE', `an answer has at most ${MOST_BYTES} bytes`)
      },
    }),
  )
  app.post(answerPath(':name'), answer)
  return app
}

/** What the broker decides on; it verifies a person's token itself, and takes the endpoint's word as `chat`. */
async function submit(
  { requestId, verdict, reason, renderHash, reviewer, token }: WebhookAnswer,
  channel: string,
  evidence: Digest,
  { desk, channelDesk }: AnswersDeps,
): Promise<ReviewReply> {
  const review = { requestId, verdict, renderHash, channel, ...(reason === undefined ? {} : { reason }) }
  if (token !== undefined && reviewer === undefined) return desk.review({ ...review, token })
  if (reviewer !== undefined && token === undefined)
    return channelDesk.review({ ...review, reviewer, evidence })
  throw new HoldpointError(
    'INVALID_INPUT',
    `answer: has ${token === undefined ? 'neither' : 'both'} reviewer and token, expected one of them`,
  )
}

const evidenceOf = ({ id, timestamp, body }: Signed): Digest => digestBytes(`${id}.${timestamp}.${body}`)
const parseAnswer = (body: string): WebhookAnswer => parse(webhookAnswerShape, parseJson(body), 'answer')

/** At most so many at once for each name: none of them keeps another waiting. Throws TOO_MANY. */
function createBounds(most: number) {
  const underWay = new Map<string, number>()
  const count = (name: string): number => underWay.get(name) ?? 0
  return async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    if (count(name) >= most)
      throw new HoldpointError('TOO_MANY', `more than ${most} answers at once`, { retryable: true })
    underWay.set(name, count(name) + 1)
    return work().finally(() => underWay.set(name, count(name) - 1))
  }
}

function problem(context: Context, error: unknown, log: Log): Response {
  const details = problemOf(error)
  const about = { path: context.req.path, code: details.code }
  if (details.status >= 500) log.error('a webhook answer failed', { ...about, error })
  else log.info('a webhook answer was refused', { ...about, reason: details.detail })
  return context.body(JSON.stringify(details), details.status as ContentfulStatusCode, {
    'content-type': PROBLEM_TYPE,
    'cache-control': 'no-store',
    ...(details.code === 'TOO_MANY' ? { 'retry-after': '1' } : {}),
  })
}
