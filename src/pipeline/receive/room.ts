import { HoldpointError } from '#contract'

/** What all requests together may hold, whatever protocol they came by; what does not fit is asked to come again. */
export interface Room {
  /** Throws a retryable TOO_MANY where too many requests are under way. */
  enter(): void
  leave(): void
  /** Throws a retryable TOO_MANY where too many bytes are held. */
  take(bytes: number): void
  give(bytes: number): void
}

export function createRoom(limits: { bytes: number; requests: number }): Room {
  let { bytes, requests } = limits
  return {
    enter() {
      if (requests === 0) throw tooMany(`${limits.requests} requests are under way`)
      requests--
    },
    leave() {
      requests++
    },
    take(wanted) {
      if (wanted > bytes) throw tooMany('too many bytes are in flight')
      bytes -= wanted
    },
    give(back) {
      bytes += back
    },
  }
}

const tooMany = (what: string): HoldpointError =>
  new HoldpointError('TOO_MANY', `${what}; come again later`, { retryable: true })
