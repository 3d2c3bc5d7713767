import { actionTitle, isoTime, type RequestFilter, type RequestSummary, visibleLine } from '#contract'
import type { Io } from '#runtime'
import type { SignedInDesk } from '../access.ts'
import { follow } from './follow.ts'

/** A line for each thing that happens, beginning with what waits already; with `json` an object to a line. */
export async function watchInLines(
  signedIn: SignedInDesk,
  filter: RequestFilter,
  io: Io,
  { json, relistMs }: { json: boolean; relistMs: number },
): Promise<0> {
  let isDown = false
  await follow(
    signedIn,
    filter,
    { signal: io.signal, relistMs },
    {
      changed: (event, request) => {
        const line = json
          ? JSON.stringify({ event, atMs: io.now(), request })
          : lineOf(event, request, io.now())
        io.stdout.write(`${line}\n`)
      },
      listed: () => {
        isDown = false
      },
      problem: ({ code, message }) => {
        if (!isDown) io.stderr.write(`${code}: ${message}; trying again\n`)
        isDown = true
      },
    },
  )
  return 0
}

const lineOf = (event: string, request: RequestSummary, nowMs: number): string =>
  [
    isoTime(nowMs),
    event.padEnd(9),
    visibleLine(request.requestId),
    request.state.padEnd(8),
    actionTitle(request),
    visibleLine(`${request.agent} (${request.environment})`),
    visibleLine(`rule ${request.rule}`),
  ].join('  ')
