// Asks a database by a file of pg's own, past the one that everybody imports.
import { createRequire } from 'node:module'
import Imported from 'pg/lib/client.js'

const [, , connectionString] = process.argv
const results = []
for (const Copy of [Imported, createRequire(import.meta.url)('pg/lib/client')]) {
  const client = new Copy({ connectionString })
  await client.connect()
  results.push(await client.query('DELETE FROM customers').catch(({ code }) => code))
  await client.end()
}
process.stdout.write(JSON.stringify(results))
