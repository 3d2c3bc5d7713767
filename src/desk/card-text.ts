import { type Card, type RequestSummary, visible } from '#contract'

/**
 * A card for a terminal. Everything in it that comes from an agent is hostile: characters that steer a terminal,
 * turn text around or cannot be seen are shown as their code points.
 */
export function cardText(card: Card, summary: RequestSummary): string {
  const { action } = card
  const lines = [
    ['Request', `${card.requestId}  (${summary.state})`],
    [
      'Action',
      `${action.kind}  ${action.name}${action.target === undefined ? '' : `  on  ${action.target}`}`,
    ],
    ['Arguments', JSON.stringify(action.arguments, null, 2)],
    ['Agent', `${card.agent.name}  (${card.agent.sub}, ${card.environment}, ${card.enforcement})`],
    ['Owner', `${card.owner.sub}  (${card.owner.iss})`],
    ['For', whom(card)],
    ['Runs in', `${action.runtime.serviceName} on ${action.runtime.host}`],
    [
      'Rule',
      `${card.rule}${card.risk === undefined ? '' : `, risk ${card.risk}`}, policy ${card.policyVersion}`,
    ],
    [
      'Facts',
      card.facts
        .map(({ name, value, source }) => `${name} = ${JSON.stringify(value)}  (says the ${source})`)
        .join('\n'),
    ],
    ['Kept from you', card.redacted.map(({ path, length }) => `${path}, ${length} characters`).join('\n')],
    [
      'The agent says',
      card.statement === undefined ? '' : `${card.statement}\n(its own words: nobody has checked them)`,
    ],
    [
      'Needs',
      `${card.approvals.threshold} of ${card.approvals.from.join(', ')}, signed in with at least ${card.approvals.assurance}`,
    ],
    ['Reviews', summary.reviews.map(({ name, verdict }) => `${name}: ${verdict}`).join('\n')],
    ['Until', new Date(card.expiresAtMs).toISOString()],
  ] as const
  return lines
    .filter(([, value]) => value !== '')
    .map(([label, value]) => `${label.padEnd(15)}${visible(value).replaceAll('\n', `\n${' '.repeat(15)}`)}`)
    .join('\n')
}

function whom({ onBehalfOf, onBehalfOfUnverified }: Card): string {
  const people = onBehalfOf.map(({ iss, sub }) => `${sub}  (${iss})`).join('\n')
  return onBehalfOfUnverified ? `${people}\nsomebody whom it names without proof`.trim() : people
}
