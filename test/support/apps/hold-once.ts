// An agent's process that holds one action through the explicit call, and says what became of it.
import { hold } from '#instrumentation'

const role = { user: 'dana', role: 'admin' }
const answer = await hold({ kind: 'tool', name: 'grant_role', arguments: role }, () => 'granted')
process.stdout.write(`${JSON.stringify(answer.ran ? answer : { ran: false, code: answer.refusal.code })}\n`)
