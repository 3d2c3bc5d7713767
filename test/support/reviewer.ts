import { PassThrough, Readable } from 'node:stream'
import { FILES } from '#broker'
import { type DeskAccess, dutyCommands, requestsCommands } from '#desk'
import { type ExitCode, runProgram } from '#runtime'
import { eventually } from './held.ts'
import type { House } from './house.ts'
import { createFakeIo, type FakeIo } from './io.ts'

type Person = 'alice' | 'bob' | 'carol'
interface Where {
  person?: Person
  isTty?: boolean
  columns?: number
  rows?: number
}

/** `holdpoint requests …`, its first word left out, or another command of the desk, at a pipe or at a terminal that the test holds. */
export interface Reviewer {
  /** A command that goes on while the test looks at what it has written. */
  start(words: string[], where?: Where): Started
  /** One that comes to its end. */
  run(words: string[], person?: Person): Promise<{ code: ExitCode; out: string; err: string }>
}

export interface Started {
  io: FakeIo
  ended: Promise<ExitCode>
  press(text: string): void
  shows(text: string): Promise<string>
  stop(): Promise<ExitCode>
}

export function createReviewer(house: House): Reviewer {
  const access: DeskAccess = {
    token: ({ env }) => house.token(env.PERSON as Person),
    credentials: () => house.home.read(FILES.credentials('desk')),
  }
  const commands = [...requestsCommands(access), ...dutyCommands(access)]
  const program = { name: 'holdpoint', version: '0', summary: '', commands }

  const start: Reviewer['start'] = (
    words,
    { person = 'bob', isTty = false, columns = 100, rows = 40 } = {},
  ) => {
    const io = createFakeIo({
      env: { HOLDPOINT_DATA_DIR: house.home.dir, PERSON: person, TERM: 'xterm' },
      cwd: house.home.dir,
      nowMs: Date.now(),
    })
    const keys = new PassThrough()
    io.stdin = Object.assign(isTty ? keys : Readable.from([]), { isTTY: isTty })
    if (isTty) Object.assign(io.stdout, { isTTY: true, columns, rows })
    const isDuty = dutyCommands(access).some(({ name }) => name === words[0])
    const ended = runProgram(program, isDuty ? words : ['requests', ...words], io)
    return {
      io,
      ended,
      press: (text) => void keys.write(text),
      shows: (text) =>
        eventually(
          async () => io.out(),
          (out) => out.includes(text),
        ),
      stop() {
        io.stop()
        return ended
      },
    }
  }
  return {
    start,
    async run(words, person = 'bob') {
      const { io, ended } = start(words, { person })
      return { code: await ended, out: io.out(), err: io.err() }
    },
  }
}
