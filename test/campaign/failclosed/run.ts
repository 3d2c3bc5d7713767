import { type Fault, problemsOf, type Seen } from './fault.ts'
import { gateFaults, seeAtGate } from './gate-faults.ts'
import { houseFaults, seeAtBroker } from './house-faults.ts'

type Case = Pick<Fault<never>, 'dependency' | 'fault' | 'enforcementPoint'> & {
  see(): Promise<[string[], Seen]>
}

const caseOf = <Scene>(fault: Fault<Scene>, seen: (fault: Fault<Scene>) => Promise<Seen>): Case => ({
  ...fault,
  async see() {
    const what = await seen(fault)
    return [problemsOf(fault, what), what]
  },
})

export const CASES: readonly Case[] = [
  ...gateFaults.map((fault) => caseOf(fault, seeAtGate)),
  ...houseFaults.map((fault) => caseOf(fault, seeAtBroker)),
]

/** The whole matrix; of an `about` only what names it, and with `most` about so many of them. */
export async function failClosed(options: { most?: number; about?: RegExp; say: (line: string) => void }) {
  const { about = /^/, most, say } = options
  const named = CASES.filter(({ enforcementPoint, dependency, fault }) =>
    about.test(`${enforcementPoint}: ${dependency}: ${fault}`),
  )
  const step = most === undefined ? 1 : Math.max(1, Math.floor(named.length / most))
  const cases = named.filter((_, index) => index % step === 0)
  const violations: string[] = []
  const matrix: string[] = []
  for (const { enforcementPoint, dependency, fault, see } of cases) {
    const name = `${enforcementPoint}: ${dependency}: ${fault}`
    const [problems, seen] = await see().catch((error: unknown): [string[], undefined] => [
      [`it broke: ${String(error)}`],
      undefined,
    ])
    const ended = seen === undefined ? '' : `${seen.code || 'ran'} after ${Math.round(seen.tookMs)} ms`
    matrix.push(`${name}: ${ended}`)
    say(`${name}: ${[ended, ...problems].join('; ')}`)
    violations.push(...problems.map((problem) => `${name}: ${problem}`))
  }
  return {
    n: cases.length,
    violations: violations.length,
    matrix,
    ...(violations.length > 0 ? { first: violations.slice(0, 5) } : {}),
  }
}
