import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { HoldpointError } from '#contract'
import { defineCommand, type ExitCode, type Io, runProgram } from '#runtime'
import { printTable } from '#store'
import { type ActionRow, readActions, verifyWholeLedger } from './demo/evidence.ts'
import { attackExpectations, type Expected, expectations, findDisappointments } from './demo/expected.ts'
import { announce, reviewAll } from './demo/reviewers.ts'
import { createProcessIo } from './process-io.ts'
import { type Player, type Stage, setStage } from './stage.ts'

const demo = defineCommand({
  name: 'demo',
  summary:
    'A real agent’s sensitive actions are held, a second person releases them, and the trace says who did what',
  details:
    'Runs everything in .holdpoint/demo: NATS, ClickHouse, sign-in, broker, console, pipeline, and an agent with a scripted model.\n' +
    'Prints where to approve in your browser, waits for you, and ends with the trace as a table.',
  example: 'npm run demo',
  options: {
    auto: {
      type: 'boolean',
      description: 'A scripted second person reviews; exit 0 only if every expectation held',
    },
    attack: {
      type: 'boolean',
      description: 'Adds an agent that forges, replays and bypasses; implies --auto',
    },
    json: { type: 'boolean', description: 'One JSON object on the last line of standard output' },
  },
  async run({ options }, io) {
    const kept = ['auto', 'attack'].filter((name) => io.env[`npm_config_${name}`] === 'true')
    if (kept.length > 0 && !options.auto && !options.attack) {
      io.stderr.write(
        `npm kept --${kept.join(' and --')} for itself: npm run demo -- --${kept.join(' --')}\n`,
      )
      return 2
    }
    return perform({ ...options, auto: options.auto || options.attack }, io)
  },
})

interface Mode {
  auto: boolean
  attack: boolean
  json: boolean
}

async function perform(mode: Mode, io: Io): Promise<ExitCode> {
  const say = (text: string): void => void (mode.json ? io.stderr : io.stdout).write(`${text}\n`)
  say('Starting NATS, ClickHouse, sign-in, broker, console and pipeline …')
  const dataDir = join('.holdpoint', 'demo')
  const stage = await setStage(resolve(io.cwd, dataDir), io.env, io.now)
  try {
    if (io.signal.aborted) return 1
    say('A support agent starts: it looks up a customer, exports many, grants a role, drops a database.\n')
    const watching = mode.auto ? reviewAll(stage, say) : announce(stage, say)
    const agent = stage.play('agent.ts')
    io.signal.addEventListener('abort', () => agent.process.kill('SIGTERM'))
    const code = await agent.ended
    await watching.stop()
    if (io.signal.aborted) return 1
    if (code !== 0) throw new HoldpointError('INTERNAL', `the agent ended with exit code ${code}`)
    const expected = [...expectations]
    if (mode.attack) {
      await attack(stage, say)
      expected.push(...attackExpectations)
    }
    const exitCode = await conclude(stage, agent, expected, mode, io, say)
    if (!mode.auto && io.stdin.isTTY) await untilEnter(stage, io, say)
    return exitCode
  } finally {
    await stage.stop()
  }
}

/** The best of it is still open in somebody's browser: the trace, with both names. */
async function untilEnter({ running }: Stage, io: Io, say: (text: string) => void): Promise<void> {
  say(`\nThe console is still there: ${running.http?.url}/history has both requests, each with its trace.`)
  const terminal = createInterface({ input: io.stdin, output: io.stderr })
  await terminal
    .question('Enter ends the demo. ', { signal: io.signal })
    .catch(() => undefined)
    .finally(() => terminal.close())
}

/** Somebody takes the agent over: all that it needs of the approval that it replays, it can see for itself. */
async function attack(stage: Stage, say: (text: string) => void): Promise<void> {
  const actions = await readActions(stage.store, expectations.length)
  const exported = actions.find(({ name }) => name === 'export_customers')
  say('\nThe agent is taken over: it forges an approval, replays one, and runs a tool without asking.')
  const { ended } = stage.play('attacker.ts', {
    gated: false,
    env: {
      DEMO_APPROVAL_ID: exported?.requestId ?? '',
      DEMO_TRACE_ID: exported?.traceId ?? '',
      DEMO_SPAN_ID: exported?.spanId ?? '',
    },
  })
  const code = await ended
  if (code !== 0) throw new HoldpointError('INTERNAL', `the attacker ended with exit code ${code}`)
}

async function conclude(
  stage: Stage,
  agent: Player,
  expected: readonly Expected[],
  { auto, json }: Mode,
  io: Io,
  say: (text: string) => void,
): Promise<ExitCode> {
  const rows = await readActions(stage.store, expected.length)
  const connection = stage.connection('pipeline')
  await connection.start()
  const ledger = await verifyWholeLedger(connection.nc(), stage.pin, io.now).finally(() => connection.stop())
  const effects = agent.lines.flatMap(({ effect }) => (typeof effect === 'string' ? [effect] : []))
  const traceId = rows[0]?.traceId ?? ''
  const refused = agent.lines.find(({ tool }) => tool === 'drop_database') as
    | { result?: { text?: string } }
    | undefined

  say(`\nWhat the model was told of drop_database: ${refused?.result?.text ?? 'nothing'}`)
  say(`\nTrace ${traceId}, as ClickHouse has it:\n`)
  say(table(rows))
  say(
    `Ledger: ${ledger.size} entries, root ${ledger.root}, recomputed and verified against its signed checkpoint.`,
  )
  if (json) {
    const actions = rows.map(
      ({ name, ruling, decision, outcome, actor, approver, verification, waitMs }) => ({
        name,
        ruling,
        decision,
        outcome,
        actor,
        approver,
        verification,
        waitMs,
      }),
    )
    io.stdout.write(`${JSON.stringify({ traceId, actions, ledger })}\n`)
  }
  if (!auto) return 0
  const disappointments = findDisappointments(rows, effects, expected)
  for (const line of disappointments) io.stderr.write(`Not as expected: ${line}\n`)
  return disappointments.length === 0 ? 0 : 1
}

const table = (rows: readonly ActionRow[]): string =>
  printTable(
    ['actor', 'action', 'ruling', 'authorized by', 'decision', 'waited', 'outcome', 'verification'],
    rows.map(({ actor, name, ruling, approver, decision, waitMs, outcome, verification }) => [
      actor,
      name,
      ruling,
      approver ?? '–',
      decision ?? '–',
      waitMs === null ? '–' : `${waitMs} ms`,
      outcome,
      verification,
    ]),
  )

process.exitCode = await runProgram(
  { name: 'npm run', version: '', summary: demo.summary, commands: [demo] },
  ['demo', ...process.argv.slice(2)],
  createProcessIo(),
)
