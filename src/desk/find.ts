import { HoldpointError, type ListCall, type RequestSummary, type ShowReply } from '#contract'
import type { Desk } from './desk.ts'

const SHORTEST_ID = 4
const PAGE = 200

/**
 * The one request whose id starts so. Ambiguity is refused: a review must never land on another request. An agent can
 * name any number of its actions like the id of another's request, hence every page is read, and only ids count.
 */
export async function find(desk: Desk, token: string, id: string): Promise<ShowReply> {
  if (id.length < SHORTEST_ID)
    throw new HoldpointError('INVALID_INPUT', `"${id}": give at least ${SHORTEST_ID} characters of the id`)
  const matches: string[] = []
  for await (const { requestId } of everyRequest(desk, token, { state: 'all', text: id })) {
    // A whole id is what it is, whatever else begins so.
    if (requestId === id) return desk.show(token, id)
    if (requestId.startsWith(id)) matches.push(requestId)
  }
  if (matches.length > 1)
    throw new HoldpointError(
      'UNKNOWN_REQUEST',
      `${id}: ${matches.length} requests begin so; give more of the id`,
    )
  return desk.show(token, matches[0] ?? id)
}

/** All that match, page after page. */
export async function* everyRequest(
  desk: Desk,
  token: string,
  query: Omit<ListCall, 'token' | 'limit' | 'cursor'>,
): AsyncGenerator<RequestSummary> {
  for (let cursor: string | undefined; ; ) {
    const page = await desk.list(token, {
      ...query,
      limit: PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    })
    yield* page.requests
    if (page.next === undefined) return
    cursor = page.next
  }
}
