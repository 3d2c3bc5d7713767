export interface Key {
  name?: 'up' | 'down' | 'pageUp' | 'pageDown' | 'enter' | 'escape' | 'backspace' | 'interrupt'
  /** One printable character. */
  text?: string
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: this is what terminals send
const SEQUENCE = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|O[A-Z])|[\s\S]/gu

const NAMES: Readonly<Record<string, NonNullable<Key['name']>>> = {
  '\u001b[A': 'up',
  '\u001bOA': 'up',
  '\u001b[B': 'down',
  '\u001bOB': 'down',
  '\u001b[5~': 'pageUp',
  '\u001b[6~': 'pageDown',
  '\r': 'enter',
  '\n': 'enter',
  '\u001b': 'escape',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0003': 'interrupt',
  '\u0004': 'interrupt',
}

/** The keys in what a terminal in raw mode sends. Sequences that mean nothing here are no text either. */
export function keysOf(input: string): Key[] {
  const keys: Key[] = []
  for (const [sequence] of input.matchAll(SEQUENCE)) {
    const name = NAMES[sequence]
    if (name) keys.push({ name })
    else if (/^\P{C}$/u.test(sequence)) keys.push({ text: sequence })
  }
  return keys
}
