// One colour for one word, everywhere. The colours are those of Okabe and Ito, which people see apart whatever
// kind of colour blindness they have; the word itself always stands beside its colour.
local okabeIto = {
  orange: '#E69F00',
  sky: '#56B4E9',
  green: '#009E73',
  yellow: '#F0E442',
  blue: '#0072B2',
  vermillion: '#D55E00',
  purple: '#CC79A7',
  grey: '#BBBBBB',
  dark: '#4D4D4D',
};

{
  colours: okabeIto,

  words: {
    verification: {
      verified: okabeIto.green,
      refused: okabeIto.blue,
      not_required: okabeIto.grey,
      observed: okabeIto.yellow,
      missing: okabeIto.orange,
      forged: okabeIto.vermillion,
      unbound: okabeIto.purple,
      replayed: okabeIto.sky,
      unverifiable: okabeIto.dark,
    },
    ruling: { allow: okabeIto.grey, hold: okabeIto.sky, deny: okabeIto.orange },
    // Mostly names, or why it was nobody; nobody without a reason is an alarm.
    authorized: { nobody: okabeIto.vermillion, 'nobody yet': okabeIto.sky },
    decision: {
      pending: okabeIto.yellow,
      approved: okabeIto.green,
      denied: okabeIto.orange,
      expired: okabeIto.purple,
      cancelled: okabeIto.grey,
    },
    verdict: { approve: okabeIto.green, deny: okabeIto.orange },
    outcome: {
      executed: okabeIto.green,
      started: okabeIto.sky,
      failed: okabeIto.vermillion,
      ambiguous: okabeIto.purple,
      not_run: okabeIto.grey,
      pending: okabeIto.yellow,
    },
    risk: {
      low: okabeIto.grey,
      medium: okabeIto.sky,
      high: okabeIto.orange,
      critical: okabeIto.vermillion,
    },
    assurance: {
      chat: okabeIto.orange,
      login: okabeIto.sky,
      'step-up': okabeIto.blue,
      passkey: okabeIto.green,
    },
  },

  // Grafana's value mapping: the colours of the words of one vocabulary.
  mappings(vocabulary):: [{
    type: 'value',
    options: {
      [word]: { color: $.words[vocabulary][word], index: $.order(vocabulary, word) }
      for word in std.objectFields($.words[vocabulary])
    },
  }],
  order(vocabulary, word):: std.find(word, std.objectFields($.words[vocabulary]))[0],
}
