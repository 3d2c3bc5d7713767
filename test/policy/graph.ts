import fc from 'fast-check'
import type { Approvals, Principal, Verdict } from '#contract'
import { type CountedReview, createPeople, type People, type ReviewedRequest } from '#policy'

const ISSUERS = ['https://idp.example.com', 'https://chat.example']
export const GROUPS = ['a', 'b', 'c']

/** Who is who, known for certain: human `n` has the accounts that stand at `n`. */
export interface Graph {
  humans: Principal[][]
  /** What the directory says, which is the truth about everybody. */
  directory: People
  services: Principal[]
  humanOf(account: Principal): number
}

const nameOf = ({ iss, sub }: Principal): string => `${iss} ${sub}`

/** Up to seven humans with one account or more; some subjects exist at both issuers as different humans. */
const graphs: fc.Arbitrary<Graph> = fc
  .tuple(
    fc.shuffledSubarray(
      ISSUERS.flatMap((iss) => ['1', '2', '3', '4', '5', '6', '7'].map((sub) => ({ iss, sub }))),
      { minLength: 6 },
    ),
    fc.array(fc.nat({ max: 6 }), { minLength: 14, maxLength: 14 }),
    fc.option(fc.nat({ max: 13 }), { nil: undefined }),
  )
  .map(([accounts, owners, service]) => {
    const humans: Principal[][] = [[], [], [], [], [], [], []]
    for (const [index, account] of accounts.entries()) humans[owners[index] as number]?.push(account)
    const services = accounts.slice(service === undefined ? accounts.length : service, (service ?? 0) + 1)
    const humanByAccount = new Map(
      humans.flatMap((own, human) => own.map((account) => [nameOf(account), human])),
    )
    return {
      humans: humans.filter((own) => own.length > 0),
      directory: createPeople({
        people: humans.flatMap((own, human) => (own.length > 0 ? [{ id: `${human}`, accounts: own }] : [])),
        services,
      }),
      services,
      humanOf: (account) => humanByAccount.get(nameOf(account)) as number,
    }
  })

const groupSet = fc.subarray(GROUPS, { minLength: 1 })
const count = fc.constantFrom(1, 1, 1, 2, 3)

const approvals: fc.Arbitrary<Approvals> = fc
  .tuple(
    fc.array(fc.record({ from: groupSet, threshold: count }), { minLength: 1, maxLength: 3 }),
    fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    fc.option(fc.record({ afterMs: fc.integer({ min: 1, max: 6 }), to: groupSet }), { nil: undefined }),
  )
  .map(([parts, denials, step]) => ({
    from: [...new Set(parts.flatMap(({ from }) => from))],
    threshold: parts.reduce((sum, { threshold }) => sum + threshold, 0),
    assurance: 'login',
    ...(parts.length > 1 ? { all: parts } : {}),
    ...(denials === undefined ? {} : { denials }),
    ...(step === undefined ? {} : { escalate: [step] }),
  }))

export interface Scene {
  graph: Graph
  request: ReviewedRequest & { at: number }
  reviews: CountedReview[]
}

/** A request of anybody's, and anybody's reviews of it, a millisecond apart. */
export const scenes: fc.Arbitrary<Scene> = graphs.chain((graph) => {
  const account = fc.constantFrom(...graph.humans.flat())
  const outsider = (sub: string) => fc.constant({ iss: 'example.com/holdpoint', sub })
  const party = (sub: string) =>
    fc.oneof({ weight: 2, arbitrary: outsider(sub) }, { weight: 1, arbitrary: account })
  const review = fc.record({
    reviewer: account,
    verdict: fc.oneof(
      { weight: 4, arbitrary: fc.constant<Verdict>('approve') },
      { weight: 1, arbitrary: fc.constant<Verdict>('deny') },
    ),
    groups: groupSet,
  })
  return fc.record({
    graph: fc.constant(graph),
    request: fc
      .record({
        agent: party('agent'),
        owner: party('owner'),
        onBehalfOf: fc.array(party('user'), { maxLength: 2 }),
        promptedBy: fc.option(party('author'), { nil: undefined }),
        approvals,
      })
      .map(({ promptedBy, ...rest }) => ({ at: 0, ...rest, ...(promptedBy && { promptedBy }) })),
    reviews: fc
      .array(review, { maxLength: 10 })
      .map((reviews) => reviews.map((one, index) => ({ ...one, at: index + 1 }))),
  })
})

/** Everybody whose work it is, as humans. */
export const partiesOf = ({ graph, request }: Scene): Set<number> =>
  new Set(
    [
      request.agent,
      request.owner,
      ...request.onBehalfOf,
      ...(request.promptedBy ? [request.promptedBy] : []),
    ].map(graph.humanOf),
  )
