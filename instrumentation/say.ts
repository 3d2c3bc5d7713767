/**
 * The one thing that is said in somebody else's process: a line on standard error, at the start, of what is controlled
 * and what is not. `HOLDPOINT_LOG=off` keeps it quiet.
 */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
