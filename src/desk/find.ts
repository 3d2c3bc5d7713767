import { HoldpointError, type ListCall, type RequestSummary, type ShowReply } from '#contract'
import type { Desk } from './desk.ts'

const SHORTEST_ID = 4
const PAGE = 200

/** The one request whose id starts so, as it is shown. */
export const find = async (desk: Desk, token: string, id: string): Promise<ShowReply> =>
  desk.show(token, (await locate(desk, token, id))?.requestId ?? id)

/**
 * The one request whose id starts so; undefined where the list has none, and then a whole id may still be known.
 * Ambiguity is refused: a review must never land on another request. An agent can name any number of its actions
 * like the id of another's request, hence every page is read, and only ids count.
 */
export async function locate(desk: Desk, token: string, id: string): Promise<RequestSummary | undefined> {
  if (id.length < SHORTEST_ID)
    throw new HoldpointError('INVALID_INPUT', `"${id}": give at least ${SHORTEST_ID} characters of the id`)
  const matches: RequestSummary[] = []
  for await (const request of everyRequest(desk, token, { state: 'all', text: id })) {
    // A whole id is what it is, whatever else begins so.
    if (request.requestId === id) return request
    if (request.requestId.startsWith(id)) matches.push(request)
  }
  if (matches.length > 1)
    throw new HoldpointError(
      'UNKNOWN_REQUEST',
      `${id}: ${matches.length} requests begin so; give more of the id`,
    )
  return matches[0]
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
