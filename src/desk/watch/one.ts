import {
  cardModel,
  type RequestState,
  type RequestSummary,
  type ShowReply,
  statusModel,
  WHOLE_CARD,
} from '#contract'
import type { Io } from '#runtime'
import type { SignedInDesk } from '../access.ts'
import { approvalsMissing, cardText } from '../terminal/card-text.ts'
import { terminalOf } from '../terminal/terminal.ts'

interface View {
  json: boolean
  isFull: boolean
  relistMs: number
}

/** One request's card, and its status until it is decided: 0 where it may run or has run, 1 otherwise. */
export async function watchOne(
  { desk, token }: SignedInDesk,
  shown: ShowReply,
  io: Io,
  { json, isFull, relistMs }: View,
): Promise<0 | 1> {
  const { isTty, columns, style } = terminalOf(io.stdout, io.env)
  const { requestId } = shown.summary
  let last = ''
  const tell = (summary: RequestSummary): void => {
    const line = json ? JSON.stringify(summary) : statusLine(summary, io.now(), isTty)
    if (line === last) return
    // At a terminal time runs in place; the line is ours alone, and short.
    const isInPlace = isTty && !json
    io.stdout.write(isInPlace ? `\r${line.slice(0, columns - 1)}\u001b[K` : `${line}\n`)
    last = line
  }
  if (!json) {
    const model = cardModel(shown.card, isFull ? WHOLE_CARD : {})
    io.stdout.write(`${cardText(model, statusModel(shown.summary, io.now()), columns, style)}\n\n`)
  }
  let { summary } = shown
  let wake = Promise.withResolvers<void>()
  const unwatch = desk.watch((_, request) => {
    if (request.requestId === requestId) wake.resolve()
  })
  const stop = (): void => wake.resolve()
  io.signal.addEventListener('abort', stop)
  const clock = setInterval(() => tell(summary), 1000)
  const relist = setInterval(stop, relistMs)
  try {
    // Events only say that there is something to see: the first look comes after the subscription.
    while (!io.signal.aborted) {
      wake = Promise.withResolvers()
      summary = (await desk.show(await token(), requestId)).summary
      tell(summary)
      if (summary.state !== 'pending') break
      await wake.promise
    }
  } finally {
    clearInterval(clock)
    clearInterval(relist)
    unwatch()
    io.signal.removeEventListener('abort', stop)
    if (isTty && !json) io.stdout.write('\n')
  }
  return RELEASED.has(summary.state) ? 0 : 1
}

const RELEASED: ReadonlySet<RequestState> = new Set(['approved', 'consumed', 'executed'])

/** Without a terminal the time that is left would make a line of every second. */
function statusLine(summary: RequestSummary, nowMs: number, isLive: boolean): string {
  const status = statusModel(summary, nowMs)
  const joined = status.escalation.filter(({ isReached }) => isReached).map(({ text }) => text)
  const parts = [
    ...[status.text, isLive ? status.timeLeft : undefined, approvalsMissing(status), status.denials],
    ...joined,
  ]
  return parts.filter((part) => part !== undefined).join(' · ')
}
