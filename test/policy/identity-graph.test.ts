import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ApprovalPart, Approvals, Principal } from '#contract'
import { type CountedReview, createPeople, mayReview, type Reviewer, type Tally, tally } from '#policy'
import { GROUPS, type Graph, partiesOf, type Scene, scenes } from './graph.ts'

const RUNS = { numRuns: 1000 }
const tallied = ({ graph, request, reviews }: Scene): Tally => tally(reviews, request, graph.directory)
const approvers = ({ graph }: Scene, result: Tally): number[] =>
  result.state === 'approved' ? result.by.map(({ reviewer }) => graph.humanOf(reviewer)) : []

describe('identity graph - whatever the directory, the chain and the groups:', () => {
  test('no party to a request and no service is ever among those who decided it', () => {
    fc.assert(
      fc.property(scenes, (scene) => {
        const result = tallied(scene)
        const parties = partiesOf(scene)
        for (const { reviewer } of result.state === 'pending' ? [] : result.by) {
          expect(parties).not.toContain(scene.graph.humanOf(reviewer))
          expect(scene.graph.services).not.toContainEqual(reviewer)
        }
      }),
      RUNS,
    )
  })

  test('no human counts twice, and exactly as many as were asked for count', () => {
    fc.assert(
      fc.property(scenes, (scene) => {
        const result = tallied(scene)
        const { threshold, denials = 1 } = scene.request.approvals
        if (result.state === 'pending') return
        const humans = result.by.map(({ reviewer }) => scene.graph.humanOf(reviewer))
        expect(new Set(humans).size).toBe(humans.length)
        expect(humans).toHaveLength(result.state === 'approved' ? threshold : denials)
      }),
      RUNS,
    )
  })

  test('the tally equals trying every way, review by review', () => {
    fc.assert(
      fc.property(scenes, (scene) => {
        const result = tallied(scene)
        const expected = byTrying(scene)
        expect(result.state === 'pending' ? `pending ${result.missing}` : result.state).toBe(expected)
      }),
      RUNS,
    )
  })

  test('those who decided it are in the order of the ledger, and every one of them was needed', () => {
    fc.assert(
      fc.property(scenes, (scene) => {
        const result = tallied(scene)
        if (result.state === 'pending') return
        const places = result.by.map((review) => scene.reviews.indexOf(review))
        expect(places).toEqual(places.toSorted((one, other) => one - other))
        expect(tallied({ ...scene, reviews: result.by }).state).toBe(result.state)
        expect(tallied({ ...scene, reviews: result.by.slice(1) }).state).toBe('pending')
      }),
      RUNS,
    )
  })

  test('the order of approvals does not matter for whether they are enough', () => {
    fc.assert(
      fc.property(
        scenes.chain((scene) => {
          const reviews = scene.reviews.map((one) => ({ ...one, at: 9, verdict: 'approve' as const }))
          return fc.tuple(
            fc.constant({ ...scene, reviews }),
            fc.shuffledSubarray(reviews, { minLength: reviews.length }),
          )
        }),
        ([scene, shuffled]) => {
          const turned = tallied({ ...scene, reviews: shuffled })
          const result = tallied(scene)
          if (result.state === 'pending') expect(turned).toEqual(result)
          else expect(turned.state).toBe(result.state)
        },
      ),
      RUNS,
    )
  })

  test('all the groups in the world never let people fill more parts than there are people', () => {
    fc.assert(
      fc.property(scenes, (scene) => {
        const reviews = scene.reviews.map((one) => ({ ...one, groups: GROUPS }))
        const humans = new Set(reviews.map(({ reviewer }) => scene.graph.humanOf(reviewer)))
        const result = tallied({ ...scene, reviews })
        if (humans.size < scene.request.approvals.threshold) expect(result.state).not.toBe('approved')
      }),
      RUNS,
    )
  })

  test('another group never takes an approval away', () => {
    fc.assert(
      fc.property(scenes, fc.nat({ max: 7 }), (scene, nth) => {
        const more = scene.reviews.map((one, index) => (index === nth ? { ...one, groups: GROUPS } : one))
        if (tallied(scene).state === 'approved')
          expect(tallied({ ...scene, reviews: more }).state).toBe('approved')
      }),
      RUNS,
    )
  })

  test('names and e-mail addresses never matter', () => {
    fc.assert(
      fc.property(scenes, fc.constantFrom('Ada', 'ada@example.com', ''), (scene, name) => {
        const named = (account: object) => ({ ...account, name, email: name }) as never
        const { agent, owner, onBehalfOf } = scene.request
        const request = {
          ...scene.request,
          agent: named(agent),
          owner: named(owner),
          onBehalfOf: onBehalfOf.map(named),
        }
        const reviews = scene.reviews.map((one) => ({ ...one, reviewer: named(one.reviewer) }))
        const places = (all: CountedReview[], result: Tally): unknown =>
          result.state === 'pending' ? result : [result.state, result.by.map((one) => all.indexOf(one))]
        expect(places(reviews, tallied({ ...scene, request, reviews }))).toEqual(
          places(scene.reviews, tallied(scene)),
        )
      }),
      RUNS,
    )
  })

  test('escalation never lowers a threshold, and without it nothing more is approved', () => {
    fc.assert(
      fc.property(scenes, (scene) => {
        const { escalate: _, ...strict } = scene.request.approvals
        const without = tallied({ ...scene, request: { ...scene.request, approvals: strict } })
        const result = tallied(scene)
        if (without.state === 'approved') expect(result.state).toBe('approved')
        if (result.state === 'approved')
          expect(new Set(approvers(scene, result)).size).toBeGreaterThanOrEqual(strict.threshold)
      }),
      RUNS,
    )
  })

  test('without the directory no two people become one, and only then is it easier to reach a threshold', () => {
    const everybody = createPeople()
    fc.assert(
      fc.property(scenes, (scene) => {
        const { graph, request } = scene
        const accounts = graph.humans.flat()
        for (const one of accounts)
          for (const other of accounts)
            if (everybody.same(one, other)) expect(graph.directory.same(one, other)).toBe(true)
        const reviews = scene.reviews.map((one) => ({ ...one, verdict: 'approve' as const }))
        if (tallied({ ...scene, reviews }).state === 'approved')
          expect(tally(reviews, request, everybody).state).toBe('approved')
      }),
      RUNS,
    )
  })
})

const IDP = 'https://idp.example.com'
const policy = { groups: Object.fromEntries(GROUPS.map((name) => [name, [`oidc:${IDP}#group/${name}`]])) }
const sceneAndSomebody = scenes.chain((scene) =>
  fc.tuple(fc.constant(scene), fc.constantFrom(...scene.graph.humans.flat())),
)

test('identity graph - whoever may review is no party, no service, and in a group that answers by then', () => {
  fc.assert(
    fc.property(
      sceneAndSomebody,
      fc.subarray(GROUPS),
      fc.nat({ max: 8 }),
      ([scene, account], own, waitedMs) => {
        const { graph, request } = scene
        const specifiers = own.map((name) => `oidc:${account.iss}#group/${name}`)
        const person = { ...account, name: 'Grace', groups: specifiers }
        const reviewer: Reviewer = { ...person, assurance: 'login', service: false }
        const answering = own.filter(
          (name) => request.approvals.from.includes(name) || letIn(request.approvals, name, waitedMs),
        )
        const answer = mayReview(policy, graph.directory, reviewer, { ...request, waitedMs })
        if (partiesOf(scene).has(graph.humanOf(account)))
          expect(answer).toMatchObject({ ok: false, code: 'SELF_APPROVAL' })
        else if (isService(graph, account) || account.iss !== IDP || answering.length === 0)
          expect(answer).toMatchObject({ ok: false, code: 'NOT_A_REVIEWER' })
        else expect(answer.ok && answer.groups.toSorted()).toEqual(answering)
      },
    ),
    RUNS,
  )
})

const isService = ({ services }: Graph, { iss, sub }: Principal): boolean =>
  services.some((service) => service.iss === iss && service.sub === sub)

/** The same, from the words of the rule: every prefix of the reviews, every way to put people into places. */
function byTrying({ graph, request, reviews }: Scene): string {
  const { approvals, at } = request
  const excluded = partiesOf({ graph, request, reviews })
  const places = (approvals.all ?? [approvals]).flatMap((part) =>
    new Array<ApprovalPart>(part.threshold).fill(part),
  )
  let best = 0
  for (let length = 1; length <= reviews.length; length++) {
    const counting = reviews
      .slice(0, length)
      .filter(({ reviewer }) => !excluded.has(graph.humanOf(reviewer)))
      .filter(({ reviewer }) => !isService(graph, reviewer))
    const deniers = new Set(
      counting.filter(({ verdict }) => verdict === 'deny').map(({ reviewer }) => graph.humanOf(reviewer)),
    )
    if (deniers.size >= (approvals.denials ?? 1)) return 'denied'
    const fits = (human: number, { from }: ApprovalPart): boolean =>
      counting.some(
        (review) =>
          graph.humanOf(review.reviewer) === human &&
          review.verdict === 'approve' &&
          review.groups?.some((group) => from.includes(group) || letIn(approvals, group, review.at - at)),
      )
    const humans = [...new Set(counting.map(({ reviewer }) => graph.humanOf(reviewer)))].filter(
      (human) => !deniers.has(human),
    )
    best = most(places, humans, fits)
    if (best === places.length) return 'approved'
  }
  return `pending ${places.length - best}`
}

const letIn = ({ escalate = [] }: Approvals, group: string, waitedMs: number): boolean =>
  escalate.some(({ afterMs, to }) => afterMs <= waitedMs && to.includes(group))

function most(
  places: ApprovalPart[],
  humans: number[],
  fits: (human: number, part: ApprovalPart) => boolean,
): number {
  const [place, ...others] = places
  if (place === undefined) return 0
  return Math.max(
    most(others, humans, fits),
    ...humans
      .filter((human) => fits(human, place))
      .map(
        (human) =>
          1 +
          most(
            others,
            humans.filter((other) => other !== human),
            fits,
          ),
      ),
  )
}
