/**
 * A program that uses a framework as the drivers do, started under `--import …/register`: the first call is approved
 * and runs, while the second is held the process is killed.
 */
import type { CopyName, Driver, Turn } from './driver.ts'

const [framework, copyName] = process.argv.slice(2) as [string, CopyName]
const { driver } = (await import(`../../instrumentation/drivers/${framework}.ts`)) as {
  driver: Driver<unknown>
}
const sdk = await driver.copies.find(({ name }) => name === copyName)?.load()

const turn = (limit: number): Turn => ({
  calls: [
    {
      id: `call-${limit}`,
      name: 'export_customers',
      arguments: { limit, region: copyName, filter: { tags: [] } },
    },
  ],
  tools: {
    async export_customers(given) {
      process.stdout.write(`ran ${given.limit}\n`)
      return 'exported'
    },
  },
})
await driver.run(sdk, turn(1))
await driver.run(sdk, turn(2))
process.stdout.write('ended\n')
