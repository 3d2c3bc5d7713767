import { EXPORT } from '../world/actions.ts'
import { localTime, nextLocal } from '../world/calendar.ts'
import type { Planted } from './planted.ts'
import { answerOf, deedOf, idOf, plantedIn, type Scene } from './scene.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** One person who approves everything, in less time than it takes to read a card. */
export function instantApprover({ random, workday, converse }: Scene): Planted {
  const startMs = workday('Europe/Berlin', 1, 9, 5)
  const agents = ['support-eu', 'support-us']
  const talks = Array.from({ length: 44 }, (_, index) => {
    const agentId = random.pick(agents)
    const course = { answers: [answerOf('jonas.weber', random.between(1_000, 1_990))] }
    const deed = deedOf(agentId, 'issue_refund', index % 6)
    return converse(agentId, startMs + Math.round((index + random.real()) * 9.5 * MINUTE_MS), {
      deeds: [{ deed: deed, isHeld: true, course }],
    })
  })
  return plantedIn('instant-approver', 'refunds that one person approves within two seconds', talks, {
    people: [idOf('jonas.weber')],
  })
}

/** Everything about it is as it should be, but for the hour and for who asks. */
export function nightExport({ week, converse }: Scene): Planted {
  const night = nextLocal('Europe/Berlin', week.untilMs - 4 * 24 * HOUR_MS, 3, 12)
  const course = { answers: [answerOf('ines.duarte', 26_000), answerOf('oliver.grant', 58_000)] }
  const [variant = { arguments: {} }] = EXPORT.variants
  const talk = converse('campaigns', night, {
    deeds: [{ deed: { call: EXPORT, variant }, isHeld: true, course }],
  })
  return plantedIn(
    'night-export',
    'customers exported in the middle of the night by an agent that never does',
    [talk],
    {
      people: [idOf('ines.duarte'), idOf('oliver.grant')],
    },
  )
}

/** The owner of an agent tries to release its work, again and again; the broker refuses, and others answer in the end. */
export function selfApproval({ week, random, workday, converse }: Scene): Planted {
  const course = {
    answers: [answerOf('oliver.grant', 9 * MINUTE_MS), answerOf('walter.kim', 11 * MINUTE_MS)],
  }
  const talk = converse('people-desk', workday('America/New_York', 2, 15, 22), {
    deeds: [{ deed: deedOf('people-desk', 'grant_role'), isHeld: true, course }],
  })
  const at = talk.held[0]?.requested.at ?? 0
  for (let attempt = 0; attempt < 6; attempt++)
    week.refusedReviews.push({
      atMs: at + 30_000 + attempt * 70_000 + random.between(0, 20_000),
      code: 'SELF_APPROVAL',
    })
  return plantedIn(
    'self-approval',
    'six refused attempts of an owner to release the work of their own agent',
    [talk],
    {
      people: [idOf('ines.duarte')],
      fromMs: at + 30_000,
      toMs: at + 8 * MINUTE_MS,
    },
  )
}

/** Nobody is there on a Sunday, and a job asks all the same. */
export function expiryWave({ week, random, converse }: Scene): Planted {
  const days = Array.from({ length: 7 }, (_, day) =>
    nextLocal('Europe/Berlin', week.fromMs + day * 24 * HOUR_MS, 10, 5),
  )
  const sunday = days.find((at) => localTime('Europe/Berlin', at).weekday === 0) as number
  const talks = Array.from({ length: 24 }, (_, index) =>
    converse('support-eu', sunday + index * 45_000 + random.between(0, 30_000), {
      deeds: [
        { deed: deedOf('support-eu', 'issue_refund', index % 6), isHeld: true, course: { answers: [] } },
      ],
    }),
  )
  return plantedIn('expiry-wave', 'two dozen refunds that expire on a Sunday', talks, {})
}

/** Asked long ago, and nobody has answered when the week ends. */
export function stuckApprovals({ week, random, converse }: Scene): Planted {
  const talks = Array.from({ length: 6 }, (_, index) =>
    converse(
      'release-train',
      week.untilMs - 2 * HOUR_MS - index * 11 * MINUTE_MS - random.between(0, MINUTE_MS),
      {
        deeds: [
          {
            deed: deedOf('release-train', 'promote_release', index % 2),
            isHeld: true,
            course: { answers: [] },
          },
        ],
      },
    ),
  )
  return plantedIn(
    'stuck-approvals',
    'releases that have waited for two hours and more, and still do',
    talks,
    {
      spanIds: [],
      toMs: week.untilMs,
    },
  )
}
