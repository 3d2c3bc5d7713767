import { existsSync, writeFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { type EnforcementKind, HoldpointError, type KeySet, type Principal } from '#contract'
import { DEVELOPMENT_ISSUER, DEVELOPMENT_PEOPLE, groupSpecifier } from '#identity'
import { parsePolicy, starterPolicy } from '#policy'
import { type Command, type Config, defineCommand, type Io, readConfig, readRunning } from '#runtime'
import { connectedAsAdmin } from './admin.ts'
import { directoryCommands } from './directory-command.ts'
import { epochCommands } from './epoch-commands.ts'
import { FILES, type Home, openHome } from './home.ts'
import { initialise } from './init.ts'
import { readKeySet, readOwn, readPin } from './keys.ts'
import { policyPublish } from './policy-command.ts'
import { publishTrust } from './provision.ts'
import { parsePrincipal, registerAgent } from './registration.ts'

export const DEVELOPMENT_ORIGIN = 'holdpoint.invalid/development'
/** The people of the development identity provider who may release. */
export const DEVELOPMENT_GROUPS = {
  reviewers: groupSpecifier(DEVELOPMENT_ISSUER, 'sre'),
  dataOwners: groupSpecifier(DEVELOPMENT_ISSUER, 'data-owners'),
}

const json = { type: 'boolean', description: 'One JSON object on the last line of standard output' } as const

const init = defineCommand({
  name: 'init',
  summary: 'Write a configuration, keys and a starter policy',
  details:
    'Keeps whatever is there already. Without --origin and --reviewers it is for development, with the people that\n' +
    '`holdpoint up` brings. Afterwards move keys/organisation.seed out of the data folder: it is the root of all trust.',
  example:
    'holdpoint init --origin example.com/holdpoint --reviewers "oidc:https://idp.example.com#group/sre"',
  options: {
    origin: {
      type: 'string',
      value: 'NAME',
      description: `Names the trust domain and its ledger, for ever (default: ${DEVELOPMENT_ORIGIN})`,
    },
    reviewers: {
      type: 'string',
      value: 'GROUP',
      description: 'Who releases what is held: oidc:ISSUER#group/NAME or oidc:ISSUER#sub/SUBJECT',
    },
    json,
  },
  async run({ options }, io) {
    const config = readConfig(io)
    const home = openHome(config.dataDir)
    refuseUnusable(home, options)
    const groups = options.reviewers ? { reviewers: options.reviewers } : DEVELOPMENT_GROUPS
    const hadPolicy = existsSync(config.policy)
    if (hadPolicy && options.reviewers)
      io.stderr.write(`${relative(io.cwd, config.policy)} is there already: name the reviewers in it.\n`)
    const { origin, version } = await initialise(home, {
      origin: options.origin ?? DEVELOPMENT_ORIGIN,
      policyFile: config.policy,
      groups,
      nowMs: io.now(),
    })
    const configFile = resolve(io.cwd, 'holdpoint.yaml')
    if (!existsSync(configFile)) writeFileSync(configFile, starterConfig(home, config.policy, io))
    const result = {
      origin,
      keySet: version,
      pin: readPin(home),
      dataDir: config.dataDir,
      policy: config.policy,
    }
    io.stdout.write(options.json ? `${JSON.stringify(result)}\n` : initText(result, hadPolicy, io))
    return 0
  },
})

/** Before anything is written: what is made here cannot be renamed afterwards. */
function refuseUnusable(
  home: Home,
  { origin, reviewers }: Record<'origin' | 'reviewers', string | undefined>,
): void {
  if (origin !== undefined && !/^[^\s+#]{1,200}$/.test(origin))
    throw new HoldpointError(
      'INVALID_INPUT',
      `--origin ${JSON.stringify(origin)}, expected a name such as example.com/holdpoint, without spaces, + and #`,
    )
  const present = home.has(FILES.keySet) ? readOwn<KeySet>(home, FILES.keySet).origin : origin
  if (origin !== undefined && origin !== present)
    throw new HoldpointError(
      'INVALID_INPUT',
      `--origin ${JSON.stringify(origin)}: ${home.dir} is that of ${present}, and stays so; choose another folder with HOLDPOINT_DATA_DIR`,
    )
  if (reviewers !== undefined)
    parsePolicy(starterPolicy(reviewers), `the policy for --reviewers ${reviewers}`)
}

const starterConfig = (home: Home, policy: string, io: Io): string =>
  `# Every key, with its preset: deploy/holdpoint.yaml in the repository\ndataDir: ${relative(io.cwd, home.dir) || '.'}\npolicy: ${relative(io.cwd, policy)}\npin: ${readPin(home)}\n`

const initText = (
  made: { origin: string; pin: string; dataDir: string; policy: string },
  hadPolicy: boolean,
  io: Io,
): string =>
  [
    `origin   ${made.origin}`,
    `pin      ${made.pin}`,
    `keys     ${relative(io.cwd, made.dataDir)}/keys   (organisation.seed belongs in a safe)`,
    `policy   ${relative(io.cwd, made.policy)}${hadPolicy ? '   (was there, and is kept)' : ''}`,
    '',
    made.origin === DEVELOPMENT_ORIGIN
      ? 'Next: holdpoint up, and in another terminal holdpoint agent add my-agent --owner alice --environment prod'
      : 'Next: holdpoint agent add NAME --owner ISSUER#SUBJECT --environment ENV',
    '',
  ].join('\n')

/** Every record says it: a gate in the agent's own process can be taken out by what it is to hold back. */
const ENFORCEMENT = ['in-process', 'gateway', 'resource'] as const

const agentAdd = defineCommand({
  name: 'agent add',
  summary: 'Register an agent and print what its service needs',
  details:
    'Its owner can never release what it asks for. Adding it again changes its registration and keeps its credentials.',
  example: 'holdpoint agent add support-agent --owner "https://idp.example.com#00u1a2b3" --environment prod',
  positionals: [{ name: 'NAME', description: 'Lower-case letters, digits, - and _' }],
  options: {
    owner: {
      type: 'string',
      value: 'SUBJECT',
      required: true,
      description: 'ISSUER#SUBJECT of the person who answers for it; in development alice, bob or carol',
    },
    environment: {
      type: 'string',
      value: 'ENV',
      required: true,
      description: 'Where it runs: prod, staging…',
    },
    enforcement: {
      type: 'string',
      value: 'KIND',
      default: 'in-process',
      description: `Who keeps its actions from running: ${ENFORCEMENT.join(', ')}`,
    },
    'display-name': { type: 'string', value: 'TEXT', description: 'How people see it' },
    json,
  },
  async run({ options, positionals: [agentId = ''] }, io) {
    const config = readConfig(io)
    const home = openHome(config.dataDir)
    const { displayName: name } = { displayName: options['display-name'] }
    await registerAgent(
      home,
      {
        agentId,
        owner: ownerOf(options.owner, home, config, io),
        environment: options.environment,
        enforcement: enforcementOf(options.enforcement),
        ...(name === undefined ? {} : { name }),
      },
      io.now(),
    )
    const running = readRunning(config.dataDir)
    const url = config.nats.url ?? running?.nats.url
    if (url) await publishAll(home, url, io)
    else io.stderr.write('Nothing runs yet: the registration is published when `holdpoint up` starts.\n')
    const variables = {
      HOLDPOINT_NATS_URL: url ?? `nats://127.0.0.1:${config.nats.port}`,
      HOLDPOINT_CREDENTIALS: home.path(FILES.agentCredentials(agentId)),
      HOLDPOINT_AGENT: agentId,
      HOLDPOINT_PIN: readPin(home),
      // Where its spans go; in a house that has a Collector, the service knows that already.
      ...(running && { OTEL_EXPORTER_OTLP_ENDPOINT: running.otlp.url }),
    }
    const lines = Object.entries(variables).map(([key, value]) => `export ${key}=${shellWord(value)}\n`)
    io.stdout.write(options.json ? `${JSON.stringify(variables)}\n` : lines.join(''))
    return 0
  },
})

function enforcementOf(written: string): EnforcementKind {
  const kind = ENFORCEMENT.find((one) => one === written)
  if (kind !== undefined) return kind
  throw new HoldpointError(
    'INVALID_INPUT',
    `--enforcement ${JSON.stringify(written)}, expected ${ENFORCEMENT.join(', ')}`,
  )
}

/**
 * Bare subjects are understood where the people are the development ones. A name that nobody has would be an owner
 * whom no review can be refused.
 */
function ownerOf(written: string, home: Home, { identity }: Config, io: Io): Principal {
  const isDevelopment =
    identity.issuers.length === 0 &&
    (home.has('people') || readKeySet(home, io.now()).origin === DEVELOPMENT_ORIGIN)
  const owner = parsePrincipal(written, isDevelopment ? DEVELOPMENT_ISSUER : undefined)
  if (owner.iss !== DEVELOPMENT_ISSUER || DEVELOPMENT_PEOPLE.includes(owner.sub)) return owner
  throw new HoldpointError(
    'INVALID_INPUT',
    `--owner ${JSON.stringify(written)}, expected one of the development people (${DEVELOPMENT_PEOPLE.join(', ')}) or ISSUER#SUBJECT`,
  )
}

/** The lines are read by a shell, and folders have spaces. */
const shellWord = (value: string): string =>
  /^[\w./:,@%+=-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`

const publishAll = (home: Home, url: string, io: Io): Promise<void> =>
  connectedAsAdmin(home, url, (nc) => publishTrust(nc, home, io.now()))

export const enrolmentCommands: Command[] = [
  init,
  agentAdd,
  ...directoryCommands,
  ...epochCommands,
  policyPublish,
]
