import { type Command, defineCommand, readConfig } from '#runtime'
import { examine } from './doctor/checks.ts'
import { countsOf, reportOf } from './doctor/report.ts'
import { openScene } from './doctor/scene.ts'

export const doctorCommand: Command = defineCommand({
  name: 'doctor',
  summary: 'Look at everything that Holdpoint rests on, and say what is wrong with it',
  details:
    'Reads the real servers: NATS and its streams, what the credentials on this machine can do, keys and signed\n' +
    'documents, clocks, the ledger, the identity provider and ClickHouse. Each fault comes with why it matters and\n' +
    'what mends it. Changes nothing. Exit code 1 where there is a fault; warnings and what is assumed leave it 0.',
  example: 'holdpoint doctor --json',
  options: {
    json: { type: 'boolean', description: 'One JSON object: {"findings": […], "counts": {…}}' },
    deep: {
      type: 'boolean',
      description: 'Reads the whole ledger and computes its root, however large it is',
    },
  },
  async run({ options }, io) {
    const scene = openScene(readConfig(io), io, { deep: options.deep })
    try {
      const findings = await examine(scene, (name) => io.stderr.write(`looking at ${name} …\n`))
      const counts = countsOf(findings)
      io.stdout.write(options.json ? `${JSON.stringify({ findings, counts })}\n` : reportOf(findings))
      return counts.fault > 0 ? 1 : 0
    } finally {
      await scene.close()
    }
  },
})
