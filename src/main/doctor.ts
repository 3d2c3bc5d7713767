import { type Command, defineCommand, type Io, readConfig } from '#runtime'
import { examineApp } from './doctor/app.ts'
import { examine } from './doctor/checks.ts'
import type { Finding } from './doctor/finding.ts'
import { countsOf, reportOf } from './doctor/report.ts'
import { openScene } from './doctor/scene.ts'

export const doctorCommand: Command = defineCommand({
  name: 'doctor',
  summary: 'Look at everything that Holdpoint rests on, and say what is wrong with it',
  details:
    'Reads the real servers: NATS and its streams, what the credentials on this machine can do, keys and signed\n' +
    'documents, clocks, the ledger, the identity provider and ClickHouse. Each fault comes with why it matters and\n' +
    'what mends it. Changes nothing. Exit code 1 where there is a fault; warnings and what is assumed leave it 0.\n' +
    'With --app it looks at an agent’s program instead: which packages of it would be under the gate, in which\n' +
    'versions, and what would not. They are loaded in a process of their own; the program itself is not run.',
  example: 'holdpoint doctor --json',
  options: {
    json: { type: 'boolean', description: 'One JSON object: {"findings": […], "counts": {…}}' },
    app: {
      type: 'string',
      value: 'ENTRY',
      description: 'Looks at this program instead: the file that Node is started with',
    },
    deep: {
      type: 'boolean',
      description: 'Reads the whole ledger and computes its root, however large it is',
    },
  },
  async run({ options }, io) {
    if (options.app !== undefined) {
      const { findings, inspection } = await examineApp(options.app, io.cwd, io.env)
      return tell(findings, options.json, io, inspection)
    }
    const scene = openScene(readConfig(io), io, { deep: options.deep })
    try {
      const findings = await examine(scene, (name) => io.stderr.write(`looking at ${name} …\n`))
      return tell(findings, options.json, io)
    } finally {
      await scene.close()
    }
  },
})

function tell(findings: Finding[], json: boolean, io: Io, more: object = {}): 0 | 1 {
  const counts = countsOf(findings)
  io.stdout.write(json ? `${JSON.stringify({ findings, counts, ...more })}\n` : reportOf(findings))
  return counts.fault > 0 ? 1 : 0
}
