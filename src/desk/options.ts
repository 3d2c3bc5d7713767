/** Options and positionals that the commands share. */
export const json = {
  type: 'boolean',
  description: 'One JSON object on the last line of standard output',
} as const
export const request = {
  name: 'REQUEST',
  description: 'The request’s id, or enough of it to be the only one',
} as const

export const reason = {
  type: 'string',
  value: 'TEXT',
  description: 'Why; with a denial it goes back to the agent',
} as const
