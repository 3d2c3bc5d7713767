import type { EnforcementPoint, Principal } from './action.ts'
import type { Card, Redaction } from './card.ts'
import { needsText } from './card-approvals.ts'
import type { CardField, CardSection } from './card-model.ts'
import { durationText, isoTime } from './card-status.ts'
import type { JsonValue } from './json.ts'
import { argvText, jsonText, quote } from './json-text.ts'
import type { Assurance } from './ruling.ts'
import { count, fitInto } from './shorten.ts'
import { visible, visibleLine } from './visible.ts'

interface Part {
  section: CardSection
  isWhole: boolean
}

/** Labels are ours alone: whatever an agent may have written stands in a field's text. */
const line = (label: string, text: string | undefined, note?: string): CardField[] =>
  text === undefined
    ? []
    : [{ label, text: visibleLine(text), form: 'line', ...(note === undefined ? {} : { note }) }]

/** A digest or an id: one word, told apart letter by letter. */
const code = (label: string, text: string | undefined, note?: string): CardField[] =>
  line(label, text, note).map((field) => ({ ...field, form: 'code' }))

type Block = { field: CardField; isWhole: boolean }

function block(label: string, text: string, room: number, note?: string): Block {
  const { text: shown, omitted } = fitInto(text, room)
  const rest =
    omitted === 0
      ? undefined
      : `${count(omitted)} of ${count(text.length)} characters do not fit and are not shown`
  const notes = [rest, note].filter((one) => one !== undefined).join('; ')
  return {
    field: { label, text: shown, form: 'block', ...(notes === '' ? {} : { note: notes }) },
    isWhole: omitted === 0,
  }
}

export function actionSection({ action, redacted, actionDigest }: Card, room: number): Part {
  const { runtime } = action
  const shown = argumentBlocks(action, room)
  return {
    isWhole: shown.every(({ isWhole }) => isWhole),
    section: {
      id: 'action',
      title: 'What exactly will run',
      isTestimony: false,
      fields: [
        ...line('Kind', action.kind),
        ...line('Name', action.name),
        ...line('Target', action.target),
        ...shown.map(({ field }) => field),
        ...redacted.flatMap(redaction),
        ...line('Precondition', runtime.precondition, 'the state of the target that the action relies on'),
        ...code('Working folder', runtime.cwdDigest, 'digest; the approval is bound to it'),
        ...code('Variables', runtime.envDigest, 'digest; the approval is bound to it'),
        ...code('Tool’s schema', runtime.toolSchemaDigest, 'digest; the approval is bound to it'),
        ...code('Digest', actionDigest, 'the approval is for this action and no other'),
      ],
    },
  }
}

const IN_ORDER = 'JSON, its members in the order in which they are hashed'

function argumentBlocks({ kind, arguments: given }: Card['action'], room: number): Block[] {
  if (kind === 'process' && isTexts(given))
    return [block('Arguments', argvText(given), room, 'one argument to a line, quoted')]
  if (!isPolicyChange(kind, given)) return [block('Arguments', jsonText(given), room, IN_ORDER)]
  const { diff, ...rest } = given
  const changed = block('Difference', visible(diff), room, '`+` comes, `-` goes; the whole of it, as text')
  return [
    block('Arguments', jsonText(rest), room, `${IN_ORDER}; \`diff\` stands below`),
    { ...changed, field: { ...changed.field, form: 'diff' } },
  ]
}

/** A change of Holdpoint itself, with the difference that reviewers are to judge. */
const isPolicyChange = (
  kind: string,
  given: JsonValue,
): given is { [key: string]: JsonValue; diff: string } =>
  kind === 'holdpoint' &&
  typeof given === 'object' &&
  given !== null &&
  !Array.isArray(given) &&
  typeof given.diff === 'string'

/** What nobody has said to hide is labelled otherwise: what looks like a secret may be what matters. */
const redaction = ({ path, length, digest, by }: Redaction): CardField[] => {
  const kept = `${count(length)} characters, salted digest ${digest}`
  return by === 'policy'
    ? line('Kept from reviewers', path, kept)
    : line('Looks like a secret', path, `hidden for that alone, no rule asks for it: ${kept}`)
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string')

export function requesterSection(card: Card): Part {
  const { agent, owner, action, enforcement } = card
  const { runtime, trace } = action
  const isTraced = !/^0*$/.test(trace.traceId)
  const people = card.onBehalfOf.flatMap((person) => line('For', principal(person), 'its token was verified'))
  return {
    isWhole: true,
    section: {
      id: 'requester',
      title: 'Who asks, for whom, from where',
      isTestimony: false,
      fields: [
        ...line('Agent', agent.name, 'from its registration'),
        ...line('Agent’s id', principal(agent)),
        ...line('Owner', principal(owner), 'may not review'),
        ...people,
        ...(card.promptedBy
          ? line('Prompted by', principal(card.promptedBy), 'its token was verified; may not review')
          : []),
        ...(card.onBehalfOfUnverified
          ? line('For', 'names somebody without proof', 'no token of theirs was verified')
          : []),
        ...line('Environment', card.environment, 'from its registration'),
        ...line('Service', runtime.serviceName, 'says its process'),
        ...line('Version', runtime.serviceVersion, 'says its process'),
        ...line('Host', runtime.host, 'says its process'),
        ...line('Enforced', enforcement, enforcementMeaning(enforcement)),
        ...(isTraced ? code('Trace', trace.traceId) : []),
      ],
    },
  }
}

const principal = ({ sub, iss }: Principal): string => `${sub} (${iss})`

const enforcementMeaning = (point: EnforcementPoint): string => {
  const kind = point.slice(0, point.indexOf(':'))
  return ENFORCEMENT[kind] ?? 'of a kind that this version does not know'
}
const ENFORCEMENT: Readonly<Record<string, string>> = {
  'in-process': 'inside the agent’s process: other code in that process could go around it',
  gateway: 'at a gateway outside the agent, which cannot go around it',
  resource: 'at the service itself, which checks the approval',
}

/** What is in here was written by the agent, possibly by somebody who steers it. */
export function statementSection({ statement }: Card, room: number): Part {
  const shown = statement === undefined ? undefined : block('It says', visible(statement), room)
  return {
    isWhole: shown?.isWhole ?? true,
    section: {
      id: 'statement',
      title: 'The agent’s own words; nobody has checked them',
      isTestimony: true,
      fields: shown === undefined ? [] : [shown.field],
    },
  }
}

export function ruleSection({ rule, risk, policyVersion }: Card): Part {
  return {
    isWhole: true,
    section: {
      id: 'rule',
      title: 'Why it is held',
      isTestimony: false,
      fields: [...line('Rule', rule), ...line('Risk', risk), ...line('Policy', `version ${policyVersion}`)],
    },
  }
}

const LEAST_FOR_A_FACT = 100

export function factsSection({ facts }: Card, room: number): Part {
  const each = Math.max(LEAST_FOR_A_FACT, Math.floor(room / Math.max(1, facts.length)))
  const shown = facts.map(({ name, value, source }) => {
    const plainName = /^[\w.:-]+$/.test(name) ? name : quote(name)
    const { field, isWhole } = block('Fact', `${plainName} = ${jsonText(value)}`, each, `says the ${source}`)
    return { isWhole, field: field.text.includes('\n') ? field : { ...field, form: 'line' as const } }
  })
  return {
    isWhole: shown.every(({ isWhole }) => isWhole),
    section: {
      id: 'facts',
      title: 'What is known',
      isTestimony: false,
      fields: shown.map(({ field }) => field),
    },
  }
}

export function reviewSection({ requestedAtMs, expiresAtMs, approvals }: Card): Part {
  const { assurance, denials = 1, escalate = [] } = approvals
  return {
    isWhole: true,
    section: {
      id: 'review',
      title: 'Who may decide, until when',
      isTestimony: false,
      fields: [
        ...line('Asked', isoTime(requestedAtMs)),
        ...line('Deadline', isoTime(expiresAtMs), 'without a decision by then it does not run'),
        ...line('Needs', needsText(approvals)),
        ...(denials > 1 ? line('Ends with', `${denials} people’s denials`, 'fewer do not end it') : []),
        ...escalate.flatMap(({ afterMs, to }) =>
          line(
            'Joins later',
            to.join(', '),
            `may answer as well after ${durationText(afterMs)}, from ${isoTime(requestedAtMs + afterMs)} on; no fewer are needed`,
          ),
        ),
        ...line('Sign-in', assurance, ASSURANCE_MEANING[assurance]),
      ],
    },
  }
}

const ASSURANCE_MEANING: Readonly<Record<Assurance, string>> = {
  chat: 'at least the word of a chat',
  login: 'at least a sign-in that the broker verifies',
  'step-up': 'at least a sign-in made for this review',
  passkey: 'a passkey',
}
