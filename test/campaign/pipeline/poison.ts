import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { TELEMETRY_DEAD_STREAM, telemetrySubject } from '#contract'
import type { House } from '../../support/house.ts'
import { pause } from '../../support/pause.ts'

/** What no store takes, among what waits for it: as an older version or a broken disk would have left it there. */
export async function createPoison(house: House) {
  const nc = await house.connect('pipeline')
  const manager = await jetstreamManager(await house.connect('admin'))
  const put: string[] = []

  async function deadLetters(): Promise<string[]> {
    const { state } = await manager.streams.info(TELEMETRY_DEAD_STREAM)
    const letters: string[] = []
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(TELEMETRY_DEAD_STREAM, { seq }).catch(() => null)
      if (message) letters.push(Buffer.from(message.data).toString())
    }
    return letters
  }

  return {
    count: () => put.length,
    async put(): Promise<void> {
      const bytes = `\xff this is not telemetry ${put.length + 1}.`
      put.push(bytes)
      for (;;) {
        try {
          await jetstream(nc).publish(telemetrySubject(0, 'traces'), Buffer.from(bytes), {
            msgID: `poison ${put.length}`,
            timeout: 1_000,
          })
          return
        } catch {
          await pause(50)
        }
      }
    },
    /** Each of them is among the dead letters, once, and nothing else is. */
    async check(): Promise<string[]> {
      if (put.length === 0) return []
      const letters = await deadLetters()
      const kept = put.flatMap((bytes, nth) => {
        const times = letters.filter((letter) => letter === bytes).length
        return times === 1 ? [] : [`what was poisoned (${nth}) is among the dead letters ${times} times`]
      })
      return letters.length !== put.length
        ? [...kept, `${letters.length} dead letters, and ${put.length} were caused`]
        : kept
    },
  }
}
