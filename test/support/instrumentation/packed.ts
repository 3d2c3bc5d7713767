/**
 * A program that uses every framework as the drivers do, in all of its copies, started under the `register` of an
 * installed package: the first call is approved and runs, the second is denied.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Driver } from './driver.ts'

const folder = join(import.meta.dirname, '../../instrumentation/drivers')
const wanted = readdirSync(folder).map((file) => join(folder, file))

for (const file of wanted) {
  const { driver } = (await import(file)) as { driver: Driver<unknown> }
  for (const { name: copy, load } of driver.copies) {
    const sdk = await load()
    const ran: number[] = []
    const told: string[] = []
    for (const limit of [1, 2]) {
      const outputs = await driver.run(sdk, {
        calls: [
          {
            id: `${driver.framework}-${copy}-${limit}`,
            name: 'export_customers',
            arguments: { limit, region: copy, filter: { tags: [] } },
          },
        ],
        tools: {
          async export_customers(given) {
            ran.push(given.limit)
            return 'exported'
          },
        },
      })
      told.push(...Object.values(outputs).map(({ text }) => text))
    }
    process.stdout.write(`${JSON.stringify({ framework: driver.framework, copy, ran, told })}\n`)
  }
}
process.exit(0)
