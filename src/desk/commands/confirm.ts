import type { Question } from '#runtime'

/** Nobody approves what they have not been shown: at a terminal it is asked after the card, elsewhere not at all. */
export const RELEASE: Question = {
  asks: 'Release this action?',
  nobody: 'Nobody is here to read this card: say --yes once a person has.',
  no: 'Not released: it still waits for a decision.',
}
