import {
  type Action,
  type Card,
  type Digest,
  digestHex,
  digestJson,
  HoldpointError,
  type JsonValue,
  type Principal,
} from '#contract'
import type { Context } from '../context.ts'
import type { Request } from '../state/requests.ts'
import type { Payloads } from './payload.ts'

/** What is kept, sealed, of a request: enough to show its card and to take its digest again. */
export interface RequestPayload {
  salt: string
  action: Action
  card: Card
}

/** Returns the payload that counts: this one, or that of a replica that was first. */
export async function createPayload(
  payloads: Payloads,
  requestId: string,
  payload: RequestPayload,
): Promise<RequestPayload> {
  const kept = await payloads.create(requestId, 'request', payload as unknown as JsonValue)
  return kept as unknown as RequestPayload
}

/** Throws ERASED where there is no payload any more. */
export async function readPayload(payloads: Payloads, requestId: string): Promise<RequestPayload> {
  const payload = await payloads.get(requestId, 'request')
  if (payload === undefined) throw new HoldpointError('ERASED', `what ${requestId} was about has been erased`)
  // Written by ourselves, and authenticated under our own key: its shape needs no second look.
  return payload as unknown as RequestPayload
}

/** For people: throws ERASED, with who erased it and when, from the moment that the ledger says so. */
export function payloadOf(
  { payloads }: Pick<Context, 'payloads'>,
  request: Request,
): Promise<RequestPayload> {
  refuseErased(request)
  return readPayload(payloads, request.requested.requestId)
}

export function refuseErased({ requested, erased }: Request): void {
  if (erased)
    throw new HoldpointError(
      'ERASED',
      `what ${requested.requestId} was about was erased by ${erased.by.name} (${erased.by.sub}) at ${new Date(erased.at).toISOString()}`,
    )
}

/** What whoever decided it said. Undefined where they said nothing, or it is erased, as soon as the ledger says so. */
export async function reasonOf(
  { payloads }: Pick<Context, 'payloads'>,
  { requested, decided, erased }: Request,
): Promise<string | undefined> {
  const digest = decided?.reasonDigest
  if (!digest || erased) return undefined
  const words = await payloads.get(requested.requestId, reasonPart(digest))
  return typeof words === 'string' ? words : undefined
}

/** One person, one review: this is the last token of the review's write-once subject. */
export const reviewerHash = ({ iss, sub }: Principal): string =>
  digestHex(digestJson({ iss, sub })).slice(0, 32)

/** The payload's part with a reviewer's own words, named by the digest that the ledger keeps of them. */
export const reasonPart = (reasonDigest: Digest): string => `reason-${digestHex(reasonDigest).slice(0, 32)}`
