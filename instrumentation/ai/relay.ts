import type { Permit } from '#gate'

/**
 * Hands on what a tool yields, while the permit is in use from the first value to the last. Whoever stops listening
 * ends the tool. Throws what the tool throws.
 */
export async function* relay(
  permit: Permit,
  open: (approved: unknown) => unknown,
): AsyncGenerator<unknown, void, void> {
  const { readable, writable } = new TransformStream<unknown, unknown>()
  const writer = writable.getWriter()
  const carriedOut = permit
    .run(async (approved) => {
      for await (const value of open(approved) as AsyncIterable<unknown>) await writer.write(value)
    })
    .then(() => writer.close())
    // Whoever listens gets the error; whoever has gone needs none.
    .catch((error: unknown) => writer.abort(error))
    .catch(() => {})
  yield* readable
  await carriedOut
}
