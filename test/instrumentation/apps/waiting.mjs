// Waits for one held action. With "handles" it has its own idea of how to end on SIGTERM.
import { hold } from '#instrumentation'

if (process.argv[2] === 'handles')
  process.on('SIGTERM', () => {
    process.stdout.write('cleaning up\n')
    setTimeout(() => process.exit(7), 20)
  })
const held = await hold({ kind: 'tool', name: 'export_customers', arguments: {} }, () => 'ran')
process.stdout.write(`${JSON.stringify(held)}\n`)
