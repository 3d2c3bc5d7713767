import type { Io } from '#runtime'

const EVERY_MS = 1_000

/** One line on standard error: written over on a terminal, and else now and then a new one. */
export function createProgress({ stderr, now }: Pick<Io, 'stderr' | 'now'>): {
  show(done: number, total: number): void
  end(): void
} {
  const isTerminal = 'isTTY' in stderr && stderr.isTTY === true
  const startedAtMs = now()
  let shownAtMs = startedAtMs
  let isOpen = false
  return {
    show(done, total) {
      const nowMs = now()
      if (nowMs - shownAtMs < (isTerminal ? EVERY_MS : 10 * EVERY_MS)) return
      shownAtMs = nowMs
      const perSecond = Math.round((1000 * done) / (nowMs - startedAtMs))
      const text = `${Math.min(100, Math.floor((100 * done) / total))} %  ${done} of ${total} spans, ${perSecond} a second`
      stderr.write(isTerminal ? `\r${text}   ` : `${text}\n`)
      isOpen = isTerminal
    },
    end() {
      if (isOpen) stderr.write('\n')
      isOpen = false
    },
  }
}
