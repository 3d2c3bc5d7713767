import { type ExplainCall, type ExplainReply, explainCallShape, HoldpointError } from '#contract'
import { explainRuling, type Question, type Step } from '#policy'
import type { Context } from '../context.ts'
import { payloadOf } from '../request/request-payload.ts'
import type { DeskHandler } from './handler.ts'
import { namedRequest } from './own.ts'

/** How the policy in force rules, rule by rule: on a request as it was made, or on an action that is made up. */
export const explain: DeskHandler<ExplainCall, ExplainReply> = {
  shape: explainCallShape,
  async handle(call, context) {
    await context.identity.verifyToken(call.token)
    const { question, isRedacted } = await questionOf(call, context)
    const { compiled, version } = context.documents.policy()
    const { ruling, steps, withAgentFacts } = explainRuling(compiled, question)
    const told = (all: Step[]): Step[] => (isRedacted ? all.map(withoutValues) : all)
    return {
      policyVersion: version,
      ruling,
      steps: told(steps),
      ...(withAgentFacts === undefined ? {} : { withAgentFacts: told(withAgentFacts) }),
    }
  },
}

/** Why a condition could not be evaluated may quote what it was about, and the policy keeps that from reviewers. */
const withoutValues = (step: Step): Step => ({
  ...step,
  because: step.because.startsWith('its condition') ? step.because.replace(/:.*/s, '') : step.because,
})

interface Asked {
  question: Question
  /** Whether it holds values that whoever asks may not see. */
  isRedacted: boolean
}

function questionOf(call: ExplainCall, context: Context): Promise<Asked> | Asked {
  const { requestId, action, environment, agentId } = call
  if ((requestId === undefined) === (action === undefined))
    throw new HoldpointError(
      'INVALID_INPUT',
      'explain: expected exactly one of the keys requestId and action',
    )
  if (action) return { question: madeUp(action, { environment, agentId }, context), isRedacted: false }
  if (environment !== undefined || agentId !== undefined)
    throw new HoldpointError(
      'INVALID_INPUT',
      'explain: the keys environment and agentId go with action; a request has its own',
    )
  return asRequested(context, requestId as string)
}

/** Its own action, facts and requester, as they were when it opened; only the policy may be another by now. */
async function asRequested(context: Context, requestId: string): Promise<Asked> {
  const request = await namedRequest(context, requestId)
  const { action, card } = await payloadOf(context, request)
  const { requested } = request
  const { environment, agent, onBehalfOf } = requested
  return {
    question: { action, environment, agent, onBehalfOf, facts: card.facts },
    isRedacted: card.redacted.length > 0,
  }
}

function madeUp(
  action: NonNullable<ExplainCall['action']>,
  { environment, agentId }: { environment: string | undefined; agentId: string | undefined },
  { documents }: Context,
): Question {
  const { kind, name, target } = action
  const registration = agentId === undefined ? undefined : documents.registration(agentId).registration
  return {
    action: { kind, name, ...(target === undefined ? {} : { target }), arguments: action.arguments ?? {} },
    environment: environment ?? registration?.environment ?? '',
    agent: registration?.agent ?? NOBODY,
    onBehalfOf: [],
  }
}

/** No agent is called so: ids are never empty. */
const NOBODY = { iss: '', sub: '', name: '' }
