import { type Card, REDACTED } from './card.ts'
import type { JsonValue } from './json.ts'
import { count, shortenLine } from './shorten.ts'
import { suspicionsOf } from './suspicions.ts'
import { escapeOf, visibleLine } from './visible.ts'

/** What somebody should look at twice, a sentence each. However hostile the card, there are few and they are short. */
export const cardWarnings = (card: Card): string[] => [...refusals(card), ...suspicions(card)]

/** Whoever is asked again what others have refused should know it before anything else. */
function refusals({ facts }: Card): string[] {
  const fact = facts.find(({ name, source }) => name === 'recent_denials' && source === 'broker')
  if (typeof fact?.value !== 'number' || fact.value < 1) return []
  const times = fact.value === 1 ? 'once' : `${count(fact.value)} times`
  return [`Refused ${times} in the last hour: people have denied this agent the same name on the same target`]
}

function suspicions(card: Card): string[] {
  const findings = new Map<string, Finding>()
  const note: Note = (kind, place, samples = [], times = 1) => {
    const finding = findings.get(kind) ?? { times: 0, looked: 0, places: new Set(), samples: new Set() }
    findings.set(kind, finding)
    finding.times += times
    if (finding.places.size <= MOST_NAMED && finding.looked++ < MOST_LOOKED)
      finding.places.add(placeText(place))
    for (const sample of samples) {
      if (finding.samples.size > MOST_NAMED) break
      finding.samples.add(sample)
    }
  }
  const { action, agent } = card
  for (const [place, text] of [
    ['the name', action.name],
    ['the target', action.target ?? ''],
    ['the agent’s name', agent.name],
    ['the agent’s id', agent.sub],
  ] as const)
    lookAtName(text, [place], note)
  for (const [place, text] of [
    ['the service', action.runtime.serviceName],
    ['the version', action.runtime.serviceVersion ?? ''],
    ['the host', action.runtime.host],
    ['the precondition', action.runtime.precondition ?? ''],
    ['the agent’s words', card.statement ?? ''],
  ] as const)
    lookAt(text, [place], note)
  const isArgv = action.kind === 'process' && Array.isArray(action.arguments)
  lookInto(action.arguments, ['/arguments'], note, isArgv)
  lookForPretence(card, note)
  for (const { path, by } of card.redacted)
    if (by === 'detection') note('detected', [visibleLine(path.slice(0, 200))])
  for (const fact of card.facts) {
    lookAt(fact.name, ['the facts'], note)
    lookInto(fact.value, ['the facts'], note, false)
  }
  return [...findings].map(([kind, finding]) => sentence(kind as Kind, finding))
}

type Kind = keyof typeof SENTENCES
type Place = readonly (string | number)[]
type Note = (kind: Kind, place: Place, samples?: readonly string[], times?: number) => void

interface Finding {
  times: number
  /** How many places were put in words, which costs far more than to find them. */
  looked: number
  /** One more of each than is named, to know that there are more. */
  places: Set<string>
  samples: Set<string>
}
const MOST_NAMED = 4
/** A hundred thousand places whose beginnings are the same would be put in words one by one, for seconds. */
const MOST_LOOKED = 200

const SENTENCES = {
  concealed: 'Characters that cannot be seen, or that steer what is shown, written as code points',
  mixed: 'Words with letters that pass for others',
  foreign: 'Letters that are not plain ASCII, written as code points here',
  stacked: 'Marks stacked upon letters',
  edges: 'Spaces at the beginning or the end',
  gap: 'Long runs of spaces or empty lines, behind which text goes unseen',
  encoded: 'Long encoded text: what it does cannot be read here',
  replaced: 'Replacement characters (U+FFFD): this was no text, or was damaged',
  turned:
    'Letters that run from right to left beside others: they may stand in another order than they seem to',
  detected: 'Values that look like secrets, and are hidden for that alone',
  pretended: 'Values that pretend to have been kept from reviewers',
} as const

function sentence(kind: Kind, { times, looked, places, samples }: Finding): string {
  const what = samples.size === 0 ? '' : ` (${listed(samples)})`
  return `${SENTENCES[kind]}: ${count(times)}${what}, in ${listed(places, looked > MOST_LOOKED)}`
}

const listed = (all: ReadonlySet<string>, areMore = false): string =>
  [...all].slice(0, MOST_NAMED).join(', ') + (areMore || all.size > MOST_NAMED ? ' and more' : '')

/** A place in the arguments is a JSON pointer (RFC 6901). Its keys are the agent's. */
const placeText = (place: Place): string =>
  shortenLine(
    place
      .slice(0, 12)
      .map((step, index) => (index === 0 ? step : `/${visibleLine(pointerToken(String(step).slice(0, 80)))}`))
      .join(''),
    120,
  )

function lookInto(value: JsonValue, place: Place, note: Note, isArgv: boolean): void {
  if (typeof value === 'string') {
    lookAt(value, place, note)
    if (isArgv && value !== value.trim()) note('edges', place)
  } else if (Array.isArray(value)) {
    for (const [index, entry] of value.entries()) lookInto(entry, [...place, index], note, isArgv)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      const inner = [...place, key]
      lookAt(key, inner, note)
      if (key !== key.trim()) note('edges', inner)
      lookInto(member, inner, note, isArgv)
    }
  }
}

/** What is looked for by name has to be exactly what it looks like. */
function lookAtName(text: string, place: Place, note: Note): void {
  lookAt(text, place, note)
  if (text !== text.trim()) note('edges', place)
  const letters = text.match(/(?![\0-\x7f])\p{L}/gu) ?? []
  if (letters.length > 0) note('foreign', place, letters.map(escapeOf), letters.length)
}

function lookAt(text: string, place: Place, note: Note): void {
  for (const { kind, samples, times } of suspicionsOf(text)) note(kind, place, samples, times)
}

/** An agent that writes what a redaction leaves would have a reviewer believe that policy hid something harmless. */
function lookForPretence({ action, redacted }: Card, note: Note): void {
  const real = Map.groupBy(redacted, ({ path }) => path)
  const look = (value: JsonValue, pointer: string): void => {
    // Of a text in which something was detected, the rest still stands there.
    const found = typeof value === 'string' ? value.split(REDACTED).length - 1 : 0
    if (found > (real.get(pointer)?.length ?? 0)) note('pretended', [visibleLine(pointer.slice(0, 200))])
    if (typeof value !== 'object' || value === null) return
    for (const [key, member] of Object.entries(value))
      if (typeof member === 'object' || (typeof member === 'string' && member.includes(REDACTED)))
        look(member, `${pointer}/${pointerToken(key)}`)
  }
  look(action.arguments, '/arguments')
}

const pointerToken = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')
