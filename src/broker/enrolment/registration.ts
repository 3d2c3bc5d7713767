import {
  AGENT_ID,
  HoldpointError,
  type Principal,
  parse,
  type Registration,
  registrationShape,
  TYP,
} from '#contract'
import { signDocument } from '#warrant/issue'
import { POLICY_AGENT, POLICY_ENVIRONMENT } from '../documents/policy-change.ts'
import { issueCredentials } from './accounts.ts'
import { FILES, type Home } from './home.ts'
import { readKey, readKeySet, readOwn } from './keys.ts'
import { ROLES } from './roles.ts'

export interface NewAgent {
  agentId: string
  /** Shown to people; decides nothing. */
  name?: string
  owner: Principal
  environment: string
  enforcement: Registration['enforcement']
}

/**
 * Says who an agent is, signed, and makes its credentials. Registering the same agent again makes a newer version
 * and keeps the credentials, so that a change of owner does not stop a running service.
 */
export async function registerAgent(home: Home, agent: NewAgent, nowMs: number): Promise<Registration> {
  const { agentId } = agent
  if (!AGENT_ID.test(agentId))
    throw new HoldpointError(
      'INVALID_INPUT',
      `agent name ${JSON.stringify(agentId)}, expected lower-case letters, digits, - and _, at most 63: it becomes part of NATS subjects`,
    )
  // Inboxes are named for who reads them: this agent would read what is answered to that role.
  if ((ROLES as readonly string[]).includes(agentId))
    throw new HoldpointError(
      'INVALID_INPUT',
      `agent name ${JSON.stringify(agentId)}: a role of Holdpoint's own`,
    )
  if (agentId === POLICY_AGENT)
    throw new HoldpointError(
      'INVALID_INPUT',
      `agent name ${JSON.stringify(agentId)}: Holdpoint's own agent, which \`holdpoint init\` registers`,
    )
  return register(home, agent, nowMs)
}

/**
 * The agent as which `holdpoint policy apply` asks. Its owner is nobody who could sign in: whoever may not release a
 * change is the person in whose name it is asked for. Keeps what is there.
 */
export async function registerPolicyAgent(home: Home, origin: string, nowMs: number): Promise<void> {
  const agent: NewAgent = {
    agentId: POLICY_AGENT,
    name: 'holdpoint policy apply',
    owner: { iss: origin, sub: 'policy' },
    environment: POLICY_ENVIRONMENT,
    enforcement: 'resource',
  }
  const isThere = home.has(FILES.registration(POLICY_AGENT)) && home.has(FILES.agentCredentials(POLICY_AGENT))
  if (!isThere) await register(home, agent, nowMs)
}

async function register(home: Home, agent: NewAgent, nowMs: number): Promise<Registration> {
  const { agentId, owner, environment, enforcement, name = agentId } = agent
  const draft: Registration = {
    v: 1,
    version: nextVersion(home, agentId, nowMs),
    iat: Math.floor(nowMs / 1000),
    agent: { iss: readKeySet(home, nowMs).origin, sub: agentId, name },
    owner,
    environment,
    enforcement,
  }
  const registration = parse(registrationShape, draft, `agent ${agentId}`)
  const signed = signDocument(TYP.registration, registration, readKey(home, FILES.registryKey))
  home.write(FILES.registration(agentId), signed)
  if (!home.has(FILES.agentCredentials(agentId)))
    home.write(FILES.agentCredentials(agentId), await issueCredentials(home, 'agent', agentId))
  return registration
}

/** Versions only grow: by the clock, so that a lost file does not reset them, and where the clock went back, by one. */
function nextVersion(home: Home, agentId: string, nowMs: number): number {
  const file = FILES.registration(agentId)
  return Math.max(nowMs, home.has(file) ? readOwn<Registration>(home, file).version + 1 : 0)
}

/** `ISSUER#SUBJECT`, as people write a principal; a bare subject belongs to `defaultIssuer` where there is one. */
export function parsePrincipal(written: string, defaultIssuer?: string): Principal {
  const at = written.lastIndexOf('#')
  const iss = at > 0 ? written.slice(0, at) : defaultIssuer
  const sub = written.slice(at + 1)
  if (iss === undefined || sub === '')
    throw new HoldpointError(
      'INVALID_INPUT',
      `${JSON.stringify(written)}, expected ISSUER#SUBJECT, such as https://idp.example.com#00u1a2b3`,
    )
  return { iss, sub }
}
