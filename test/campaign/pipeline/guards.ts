import type { Guard } from '../../support/guards.ts'

/** With one taken away, the faults that `faults` names are enough to show it, and so are fewer of them. */
export interface PipelineGuard extends Guard {
  faults: RegExp
}

export const guards: readonly PipelineGuard[] = [
  {
    name: 'acknowledge-after-durable',
    about: 'A sender that is told so before NATS has what it sent.',
    file: 'src/pipeline/buffer/publish.ts',
    find: 'const published = await line.publish(telemetrySubject(lane, signal), body, headers)',
    replace:
      'line.publish(telemetrySubject(lane, signal), body, headers).catch(() => {})\n    const published = { ok: true as const }',
    faults: /nats-server was killed/,
  },
  {
    name: 'message-id',
    about: 'A request that is sent again, because its answer was lost, taken for another one.',
    file: 'src/pipeline/buffer/message.ts',
    find: "written.set('Nats-Msg-Id', id)",
    replace: '',
    faults: /pipeline . was (killed$|paused)|nats-server was killed/,
  },
  {
    name: 'kept-for-memory',
    about: 'A nats-server that has forgotten, after a start, which requests it has had.',
    file: 'src/pipeline/buffer/buffer.ts',
    find: 'keepMs = 600_000',
    replace: 'keepMs = 0',
    faults: /nats-server was killed twice/,
  },
  {
    name: 'token',
    about: 'A batch that another writer stores once more.',
    file: 'src/store/store.ts',
    find: 'insert_deduplication_token: token,',
    replace: 'insert_deduplication_token: token + Math.random(),',
    faults: /pipeline . was (killed|paused)|store was killed/,
  },
  {
    name: 'view-deduplication',
    about: 'A batch that is stored once more, and stands twice in the table that a view feeds.',
    file: 'src/store/schema/settings.ts',
    find: '...window(table.engine), ',
    replace:
      "...(name.includes('trace_id_ts') ? { non_replicated_deduplication_window: 0 } : window(table.engine)), ",
    faults: /pipeline . was (killed|paused)|store was killed/,
  },
  {
    name: 'recorded-batch',
    about: 'Another writer that makes a batch of its own of what the dead one had begun to store.',
    file: 'src/pipeline/buffer/lane.ts',
    find: 'await composer.again(last)',
    replace: '(await composer.next({ stream: last.stream, to: last.from - 1 })) as Composed',
    faults: /pipeline . was killed/,
  },
  {
    name: 'compare-and-set',
    about: 'Two writers that both believe the lane theirs.',
    file: 'src/pipeline/buffer/cursor.ts',
    find: "expecting.set('Nats-Expected-Last-Subject-Sequence', String(expected))",
    replace: '',
    faults: /pipeline . was paused/,
  },
  {
    name: 'purge-after-commit',
    about: 'A writer that dies between making room and storing.',
    file: 'src/pipeline/buffer/lane.ts',
    find: 'if (!(await settler.settle(portions, hold)))',
    replace:
      'await stream.purge(lane, composed.stream, composed.to)\n        if (!(await settler.settle(portions, hold)))',
    faults: /pipeline . was killed/,
  },
  {
    name: 'retryable-not-dropped',
    about: 'A store that is away, taken for one that has refused.',
    file: 'src/pipeline/buffer/settle.ts',
    find: 'return await takeApart(portion, hold, error)\n        await trouble.wait(error)',
    replace: 'return await takeApart(portion, hold, error)\n        return true',
    faults: /store was killed/,
  },
  {
    name: 'strip-client-verdicts',
    about: 'A verdict that a sender has written itself.',
    file: 'src/pipeline/batch/prepare.ts',
    find: 'stripOurs(signal, body)',
    replace: 'body',
    faults: /./,
  },
  {
    name: 'dead-letter-keeps',
    about: 'What nothing can be done about, thrown away.',
    file: 'src/pipeline/buffer/settle.ts',
    find: 'await deadLetters.add({ token, piece, reason: messageOf(reason) })',
    replace: '',
    faults: /./,
  },
]
