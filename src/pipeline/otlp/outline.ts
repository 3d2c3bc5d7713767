import { HoldpointError } from '#contract'
import { PART } from './bounds.ts'
import { type Checker, checkMessage, createChecker } from './check.ts'
import { ITEM, RESOURCE, SCOPE } from './messages.ts'
import type { Range } from './ranges.ts'
import { type Field, GROUP, type Message, WIRE } from './schema.ts'
import type { Signal } from './signal.ts'
import { cutShort, isText, malformed, readLength, readVarint32, skipField } from './wire.ts'

/** A request of any signal as all three are built: resources, which hold scopes, which hold items. */
export interface Outline {
  body: Uint8Array
  groups: Group[]
  /** Where a string is no UTF-8; -1 where all are. */
  badTextAt: number
}

/** A ResourceSpans, ResourceLogs or ResourceMetrics. */
export interface Group extends Range {
  resource: Part
  scopes: Scope[]
}

/** A ScopeSpans, ScopeLogs or ScopeMetrics. */
export interface Scope extends Range {
  scope: Part
  items: Part[]
}

/** The message itself, without its tag and length; empty where there is none. */
export interface Part extends Range {
  /** One of its keys begins with one of the prefixes that were asked for. */
  telling: boolean
  /** Why it is no such message. */
  fault?: string
}

/**
 * Checks a request completely, in one pass. A fault inside an item, a resource or a scope stays with it: a Collector
 * puts the spans of many senders into one request, and none of them may have those of the others refused.
 * Throws INVALID_INPUT where the request itself is malformed, PAYLOAD_TOO_LARGE where it is made of hollow parts.
 */
export function readOutline(signal: Signal, body: Uint8Array, telling: readonly string[]): Outline {
  const checker = createChecker(body, telling)
  const groups: Group[] = []
  while (checker.at < body.length)
    if (nextField(checker, body.length, GROUP.groups) === GROUP.groups)
      groups.push(readGroup(checker, ITEM[signal], enter(checker, body.length, PART.group)))
  if (checker.at !== body.length) throw cutShort(checker)
  return { body, groups, badTextAt: checker.badTextAt }
}

/** The same of what has been admitted: a fault anywhere is thrown. */
export function readSound(signal: Signal, body: Uint8Array, telling: readonly string[]): Outline {
  const outline = readOutline(signal, body, telling)
  const { groups, badTextAt } = outline
  for (const { resource, scopes } of groups) {
    refuse(resource)
    for (const { scope, items } of scopes) {
      refuse(scope)
      for (const item of items) refuse(item)
    }
  }
  if (badTextAt !== -1) throw malformed(badTextAt, 'a string is no UTF-8')
  return outline
}

function refuse({ fault }: Part): void {
  if (fault !== undefined) throw new HoldpointError('INVALID_INPUT', fault)
}

function readGroup(checker: Checker, item: Field, to: number): Group {
  const group: Group = { from: checker.at, to, resource: ABSENT, scopes: [] }
  let schemaUrls = 0
  while (checker.at < to)
    switch (nextField(checker, to, GROUP.schemaUrl)) {
      case GROUP.resource:
        if (group.resource !== ABSENT) throw malformed(checker.at, 'a resource is there twice')
        group.resource = readPart(checker, RESOURCE, enter(checker, to))
        break
      case GROUP.scopes:
        group.scopes.push(readScope(checker, item, enter(checker, to, PART.group)))
        break
      case GROUP.schemaUrl:
        checkSchemaUrl(checker, to, schemaUrls++)
    }
  if (checker.at !== to) throw cutShort(checker)
  return group
}

function readScope(checker: Checker, item: Field, to: number): Scope {
  const scope: Scope = { from: checker.at, to, scope: ABSENT, items: [] }
  let schemaUrls = 0
  while (checker.at < to)
    switch (nextField(checker, to, GROUP.schemaUrl)) {
      case GROUP.scope:
        if (scope.scope !== ABSENT) throw malformed(checker.at, 'a scope is there twice')
        scope.scope = readPart(checker, SCOPE, enter(checker, to))
        break
      case GROUP.items:
        scope.items.push(readPart(checker, item.message, enter(checker, to, item.leastBytes)))
        break
      case GROUP.schemaUrl:
        checkSchemaUrl(checker, to, schemaUrls++)
    }
  if (checker.at !== to) throw cutShort(checker)
  return scope
}

/** Faults cost more than parts: a request with this many is nobody's bad luck. */
const MAX_FAULTS = 1_000

function readPart(checker: Checker, message: Message, to: number): Part {
  const part: Part = { from: checker.at, to, telling: false }
  const { badTextAt } = checker
  checker.told = false
  try {
    checkMessage(checker, message, to)
  } catch (error) {
    if (!(error instanceof HoldpointError) || error.code !== 'INVALID_INPUT') throw error
    if (++checker.faults > MAX_FAULTS) throw error
    part.fault = error.message
    checker.badTextAt = badTextAt
    checker.at = to
  }
  part.telling = checker.told
  return part
}

const ABSENT: Part = Object.freeze({ from: 0, to: 0, telling: false })

/** The number of a field up to `known`, all of which have a length; 0 for another, which is skipped. */
function nextField(checker: Checker, end: number, known: number): number {
  const tag = readVarint32(checker)
  const no = tag >>> 3
  if (no === 0 || no > known) {
    skipField(checker, tag, end)
    return 0
  }
  if ((tag & 7) !== WIRE.bytes) throw malformed(checker.at, `field ${no} has wire type ${tag & 7}`)
  return no
}

/** Steps into a message and returns where it ends. */
function enter(checker: Checker, end: number, leastBytes?: number): number {
  checker.count(leastBytes)
  return readLength(checker, end) + checker.at
}

function checkSchemaUrl(checker: Checker, end: number, before: number): void {
  if (before > 0) throw malformed(checker.at, 'a schema URL is there twice')
  const to = readLength(checker, end) + checker.at
  if (!isText(checker.bytes, checker.at, to)) checker.badTextAt = checker.at
  checker.at = to
}
