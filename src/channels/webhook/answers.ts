import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import {
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
import { type Envelope, isSigned, newSecret } from './secret.ts'

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
  const endpoints = new Map(config.endpoints.map((endpoint) => [endpoint.name, endpoint]))
  const replays = createReplays<ReviewReply>({ now: deps.now })
  // For names that do not exist: a wrong name takes the same way, and the same time, as a wrong signature.
  const decoy = newSecret()
  let atOnce = 0

  async function answer(context: Context): Promise<Response> {
    const name = context.req.param('name') ?? ''
    const endpoint = endpoints.get(name)
    const body = await readText(context.req.raw)
    const envelope = verified(context, body, endpoint?.secret ?? decoy, deps.now())
    if (!endpoint) throw unverifiable()
    if (!endpoint.answers)
      throw new HoldpointError('NOT_A_REVIEWER', `${name} may not answer: its \`answers\` is not true`)
    const evidence = digestBytes(`${envelope.id}.${envelope.timestamp}.${body}`)
    const review = () => submit(parseAnswer(body), channelOf(name), evidence, deps)
    return context.json(await replays.once(`${name} ${envelope.id}`, body, review), 201)
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
    if (atOnce >= MOST_AT_ONCE) {
      context.header('retry-after', '1')
      throw new HoldpointError('TOO_MANY', `more than ${MOST_AT_ONCE} answers at once`)
    }
    atOnce++
    await next().finally(() => atOnce--)
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
  evidence: ReturnType<typeof digestBytes>,
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

const parseAnswer = (body: string): WebhookAnswer => parse(webhookAnswerShape, parseJson(body), 'answer')

const TOLERANCE_S = 5 * 60

/** Throws BAD_SIGNATURE, in the same words whatever is wrong, until the signature is known to be good. */
function verified({ req }: Context, body: string, secret: string, nowMs: number): Envelope {
  const id = req.header('webhook-id') ?? ''
  const written = req.header('webhook-timestamp') ?? ''
  const signatures = req.header('webhook-signature') ?? ''
  // A dot parts id, time and body in what is signed: one in the id would let them be parted otherwise.
  const isReadable = /^[!-\-/-~]{1,200}$/.test(id) && /^[1-9]\d{0,11}$/.test(written)
  const envelope = { id, timestamp: Number(written) }
  if (!isReadable || !isSigned(secret, envelope, body, signatures)) throw unverifiable()
  if (Math.abs(nowMs / 1000 - envelope.timestamp) > TOLERANCE_S)
    throw new HoldpointError(
      'BAD_SIGNATURE',
      `webhook-timestamp is ${written}, expected within ${TOLERANCE_S} s of ${Math.floor(nowMs / 1000)}`,
    )
  return envelope
}

const unverifiable = (): HoldpointError =>
  new HoldpointError('BAD_SIGNATURE', 'no endpoint of this name has signed this message')

/** Bytes that are no text would be another text to the one who signed them. */
async function readText(request: Request): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await request.arrayBuffer())
  } catch (cause) {
    if (cause instanceof TypeError) throw unverifiable()
    throw cause
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
  })
}
