import { posix } from 'node:path'
import { NAMED_ONLY, ROOMS, type Room } from './rooms.ts'
import { type Import, type Scan, scan } from './scan.ts'

export const LONGEST_FILE = 300

/** Everything that one source file does against the rules, a sentence each. `path` is from the root, with `/`. */
export function findViolations(path: string, source: string): string[] {
  const name = roomOf(path)
  const room = name === undefined ? undefined : ROOMS[name]
  if (name === undefined || room === undefined) return [`${path}: stands in no room`]
  const found = tryScan(source)
  if ('problem' in found) return [`${path}: cannot be parsed: ${found.problem}`]
  return [
    ...found.imports.flatMap((one) => checkImport(path, name, room, one)),
    ...checkBehaviour(path, name, room, found),
    ...checkText(path, source),
  ]
}

function tryScan(source: string): Scan | { problem: string } {
  try {
    return scan(source)
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

/** `src/gate/wait.ts` → gate, `test/gate/wait.test.ts` → test. */
export function roomOf(path: string): string | undefined {
  const [top, second, ...rest] = path.split('/')
  if (top === 'src')
    return second !== undefined && rest.length > 0 && !OUTSIDE_SRC.has(second) ? second : undefined
  if (top === 'instrumentation' && second === 'examples') return 'examples'
  return top !== undefined && OUTSIDE_SRC.has(top) ? top : undefined
}

const OUTSIDE_SRC = new Set(['instrumentation', 'dashboards', 'deploy', 'test'])
const rootOf = (name: string): string => (OUTSIDE_SRC.has(name) ? name : `src/${name}`)
const inRoom = (path: string, name: string): string => path.slice(rootOf(name).length + 1)

function checkImport(
  path: string,
  name: string,
  room: Room,
  { specifier, typeOnly, line }: Import,
): string[] {
  const refuse = (why: string) => [`${path}:${line}: ${why}`]
  if (specifier === undefined)
    return room.opens.includes('*') || room.computes?.test(inRoom(path, name))
      ? []
      : refuse('imports something computed, which nobody can check')
  if (specifier.startsWith('#')) {
    // Every room exports its own commands; a pure one needs the type of a command for that, and no more.
    const describesCommand = typeOnly && specifier === '#runtime' && inRoom(path, name) === 'command.ts'
    return describesCommand || mayOpen(name, room, specifier.slice(1))
      ? []
      : refuse(`may not open ${specifier}`)
  }
  if (specifier.startsWith('.')) return checkRelative(path, name, specifier).flatMap(refuse)
  if (specifier.startsWith('/') || specifier.startsWith('file:'))
    return refuse(`imports the absolute path ${specifier}`)
  if (specifier.startsWith('node:')) return checkNodeModule(path, name, room, specifier).flatMap(refuse)
  const packageName = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  if (allows(room.packages, packageName) || (typeOnly && allows(room.typesOnly ?? [], packageName))) return []
  const types = allows(room.typesOnly ?? [], packageName) ? ' for more than its types' : ''
  return refuse(`${name} may not use the package ${packageName}${types}`)
}

function mayOpen(name: string, room: Room, door: string): boolean {
  const named = NAMED_ONLY[door]
  if (named) return named.includes(name)
  if (door === name) return false
  return room.opens.includes(door) || (room.opens.includes('*') && Object.hasOwn(ROOMS, door))
}

function checkRelative(path: string, name: string, specifier: string): string[] {
  const target = posix.normalize(posix.join(posix.dirname(path), specifier))
  const home = rootOf(name)
  // A test may look behind the door of the room that it mirrors, and of no other.
  const mirrored = name === 'test' ? mirroredRoom(path) : undefined
  // A campaign attacks what stands behind all of them.
  const attacked = path.startsWith('test/campaign/') ? 'src' : undefined
  const inside = [home, mirrored, attacked].some(
    (folder) => folder !== undefined && target.startsWith(`${folder}/`),
  )
  if (!inside) return [`the relative import ${specifier} leaves the room`]
  return /\.(ts|mjs|json)$/.test(target) ? [] : [`the relative import ${specifier} needs its extension`]
}

const mirroredRoom = (path: string): string | undefined => {
  const mirrored = path.split('/')[1] ?? ''
  return Object.hasOwn(ROOMS, mirrored) ? rootOf(mirrored) : undefined
}

function checkNodeModule(path: string, name: string, room: Room, specifier: string): string[] {
  if (room.nodeModules === undefined || room.nodeModules.includes(specifier)) return []
  if (room.edge?.test(inRoom(path, name))) return []
  return [`${name} does no I/O and may not use ${specifier}`]
}

function checkBehaviour(
  path: string,
  name: string,
  room: Room,
  { members, defaultExports, imports }: Scan,
): string[] {
  const violations = defaultExports.map((line) => `${path}:${line}: exports a default; name it`)
  const mayEnd = name === 'main' || name === 'test' || room.processes?.test(inRoom(path, name))
  for (const { name: member, line } of members) {
    if (/^process\.(exit|abort)$/.test(member) && !mayEnd)
      violations.push(`${path}:${line}: ${member} outside main`)
    if (room.guest && /^console\./.test(member))
      violations.push(`${path}:${line}: ${member} in somebody else's process`)
    const mayWrite = /^process\.stderr\b/.test(member) && room.speaks?.test(inRoom(path, name))
    if (room.guest && /^process\.(stdout|stderr)\b/.test(member) && !mayWrite)
      violations.push(`${path}:${line}: ${member} in somebody else's process`)
  }
  if (room.guest || name === 'contract')
    for (const { specifier, line } of imports)
      if (specifier === 'node:process' || specifier === 'node:console')
        violations.push(`${path}:${line}: ${specifier} would hide what is asked of it; use the global`)
  return violations
}

function checkText(path: string, source: string): string[] {
  const lines = source.split('\n')
  const long =
    lines.length - 1 > LONGEST_FILE
      ? [`${path}: has ${lines.length - 1} lines, more than ${LONGEST_FILE}`]
      : []
  const unfinished = lines.flatMap((line, index) =>
    UNFINISHED.test(line) ? [`${path}:${index + 1}: is unfinished: ${line.trim()}`] : [],
  )
  return [...long, ...unfinished]
}

// In pieces, so that this file does not report itself.
const UNFINISHED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`)

const allows = (list: readonly string[], packageName: string): boolean =>
  list.some(
    (one) =>
      one === '*' || one === packageName || (one.endsWith('/*') && packageName.startsWith(one.slice(0, -1))),
  )
