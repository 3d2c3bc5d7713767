const LONGEST = 1_000

/**
 * A path of our own to go back to, or `/`. `to` came from a link: whatever a browser might read as another site
 * (`//evil`, `/\evil`, control characters that it drops) leads home instead.
 */
export function localPath(to: string): string {
  const isPath = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(to) && to.length <= LONGEST
  return isPath && new URL(to, 'https://here.invalid').origin === 'https://here.invalid' ? to : '/'
}
