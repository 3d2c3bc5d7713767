import type { Refusal } from '#gate'

/** What a program gets where its request was not sent: `fetch` rejects with it, a `ClientRequest` emits it. */
export class HoldpointRefused extends Error {
  override readonly name = 'HoldpointRefused'
  readonly code: Refusal['code']
  readonly requestId: string | undefined

  constructor({ code, requestId, message }: Pick<Refusal, 'code' | 'requestId' | 'message'>) {
    super(message)
    this.code = code
    this.requestId = requestId
  }
}

export const tooLarge = (name: string, maxBytes: number): HoldpointRefused =>
  new HoldpointRefused({
    code: 'PAYLOAD_TOO_LARGE',
    message:
      `${name} was not sent (PAYLOAD_TOO_LARGE). People are asked before it may be, and its body is longer than ` +
      `${maxBytes} bytes: nobody can be shown what it says, and a stream can still change. Send less at once, or tell the user.`,
  })
