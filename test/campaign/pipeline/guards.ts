import type { Guard } from '../../support/guards.ts'

export const guards: readonly Guard[] = [
  {
    name: 'acknowledge-after-durable',
    about: 'A sender that is told so before NATS has what it sent.',
    file: 'src/pipeline/buffer/publish.ts',
    find: 'const published = await line.publish(telemetrySubject(lane, signal), body, headers)',
    replace:
      'line.publish(telemetrySubject(lane, signal), body, headers).catch(() => {})\n    const published = { ok: true as const }',
  },
  {
    name: 'message-id',
    about: 'A request that is sent again, because its answer was lost, taken for another one.',
    file: 'src/pipeline/buffer/message.ts',
    find: "written.set('Nats-Msg-Id', id)",
    replace: '',
  },
  {
    name: 'kept-for-memory',
    about: 'A nats-server that has forgotten, after a start, which requests it has had.',
    file: 'src/pipeline/buffer/buffer.ts',
    find: 'keepMs = 600_000',
    replace: 'keepMs = 0',
  },
  {
    name: 'token',
    about: 'A batch that another writer stores once more.',
    file: 'src/store/store.ts',
    find: 'insert_deduplication_token: token,',
    replace: 'insert_deduplication_token: token + Math.random(),',
  },
  {
    name: 'view-deduplication',
    about: 'A batch that is stored once more, and stands twice in the table that a view feeds.',
    file: 'src/store/schema/settings.ts',
    find: '...window(table.engine), ',
    replace:
      "...(name.includes('trace_id_ts') ? { non_replicated_deduplication_window: 0 } : window(table.engine)), ",
  },
  {
    name: 'recorded-batch',
    about: 'Another writer that makes a batch of its own of what the dead one had begun to store.',
    file: 'src/pipeline/buffer/lane.ts',
    find: 'await composer.again(last)',
    replace: '(await composer.next({ stream: last.stream, to: last.from - 1 })) as Composed',
  },
  {
    name: 'compare-and-set',
    about: 'Two writers that both believe the lane theirs.',
    file: 'src/pipeline/buffer/cursor.ts',
    find: "expecting.set('Nats-Expected-Last-Subject-Sequence', String(expected))",
    replace: '',
  },
  {
    name: 'purge-after-commit',
    about: 'A writer that dies between making room and storing.',
    file: 'src/pipeline/buffer/lane.ts',
    find: 'await settler.settle(portions, hold)',
    replace:
      'await stream.purge(lane, composed.stream, composed.to)\n        await settler.settle(portions, hold)',
  },
  {
    name: 'retryable-not-dropped',
    about: 'A store that is away, taken for one that has refused.',
    file: 'src/pipeline/buffer/settle.ts',
    find: 'return await takeApart(portion, hold, error)\n        await trouble.wait(error)',
    replace: 'return await takeApart(portion, hold, error)\n        return',
  },
  {
    name: 'strip-client-verdicts',
    about: 'A verdict that a sender has written itself.',
    file: 'src/pipeline/batch/prepare.ts',
    find: 'stripOurs(signal, body)',
    replace: 'body',
  },
  {
    name: 'dead-letter-keeps',
    about: 'What nothing can be done about, thrown away.',
    file: 'src/pipeline/buffer/settle.ts',
    find: 'await deadLetters.add({ token, piece, reason: messageOf(reason) })',
    replace: '',
  },
]
