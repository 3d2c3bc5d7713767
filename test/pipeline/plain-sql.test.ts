import { describe, expect, it } from 'vitest'
import { readSql } from '#contract'
import { createRandom } from '../support/random.ts'
import { read, told } from './plain-spans.ts'

describe('SQL that hides something', () => {
  const sql = (system: string | undefined, text: string) =>
    told(read('db', { ...(system === undefined ? {} : { 'db.system': system }), 'db.statement': text }))

  it.each<[string, string | undefined, string, string[]]>([
    [
      'several statements',
      'postgresql',
      'SELECT 1; DROP TABLE a;;DELETE FROM b',
      ['SELECT', 'DROP TABLE a', 'DELETE b'],
    ],
    ['a comment before the verb', 'postgresql', '/* SELECT */DROP/**/TABLE/*;*/a', ['DROP TABLE a']],
    ['a line comment', 'postgresql', '-- SELECT 1;\nDROP TABLE a --', ['DROP TABLE a']],
    ['a semicolon inside a string', 'postgresql', "SELECT '; DROP TABLE a; --'", ['SELECT']],
    ['a semicolon inside a name', 'postgresql', 'SELECT * FROM "; DROP TABLE a"', ['SELECT ; DROP TABLE a']],
    ['a quote within a string', 'postgresql', "SELECT 'it''s'; DROP TABLE a", ['SELECT', 'DROP TABLE a']],
    ['an escape of PostgreSQL', 'postgresql', "SELECT E'\\'; DROP TABLE a --'", ['SELECT']],
    // Unless the server is told to see escapes in every string, or the string goes on from another one.
    [
      'what is mostly no escape in PostgreSQL',
      'postgresql',
      "SELECT '\\'; DROP TABLE a --'",
      ['SELECT ?', 'DROP TABLE a ?'],
    ],
    [
      'an escape in a string that goes on in another line',
      'postgresql',
      "SELECT E'a'\n'\\''; DROP TABLE a; --'",
      ['SELECT ?'],
    ],
    [
      'an escape behind an operator',
      'postgresql',
      "SELECT 'a' @@e'\\''; DROP TABLE a; --'",
      ['SELECT', 'DROP TABLE a'],
    ],
    [
      'a dollar quote behind an operator',
      'postgresql',
      "SELECT 'a' @@$$ ' $$; DROP TABLE a; --'",
      ['SELECT', 'DROP TABLE a'],
    ],
    [
      'a dollar quote in another alphabet',
      'postgresql',
      "SELECT $é$ ' $é$; DROP TABLE a; --'",
      ['SELECT', 'DROP TABLE a'],
    ],
    [
      'a dollar quote with a long name',
      'postgresql',
      `SELECT $${'x'.repeat(99)}$ ' $${'x'.repeat(99)}$; DROP TABLE a; --'`,
      ['SELECT', 'DROP TABLE a'],
    ],
    [
      'a grave accent',
      'postgresql',
      'SELECT 1 ` 2; DROP TABLE a; SELECT 1 ` 2',
      ['SELECT ?', 'DROP TABLE a ?'],
    ],
    [
      'a carriage return that ends a comment',
      'postgresql',
      'SELECT 1 --\r; DROP TABLE a',
      ['SELECT', 'DROP TABLE a'],
    ],
    ['one that ends a comment for some', undefined, 'SELECT 1 -- \r; DROP TABLE a', ['SELECT ?']],
    ['one before a line feed', 'postgresql', 'SELECT 1 --\r\n; DROP TABLE a', ['SELECT', 'DROP TABLE a']],
    ['a TABLE for a SELECT', 'postgresql', 'SELECT 1 UNION ALL TABLE a', ['SELECT', 'TABLE a']],
    ['a TABLE in parentheses', 'postgresql', 'SELECT 1 IN (TABLE a)', ['SELECT', 'TABLE a']],
    ['a TABLE behind a WITH', 'postgresql', 'WITH x AS (SELECT 1) TABLE a', ['SELECT', 'TABLE a']],
    ['a TABLE that is put elsewhere', 'postgresql', 'INSERT INTO a TABLE b', ['INSERT a', 'TABLE b']],
    ['joined in parentheses', 'postgresql', 'SELECT * FROM (a CROSS JOIN b)', ['SELECT ?']],
    [
      'a query and more in parentheses',
      'postgresql',
      'SELECT * FROM ((SELECT 1) x JOIN a ON true)',
      ['SELECT ?'],
    ],
    ['ONLY in parentheses', 'postgresql', 'SELECT * FROM ONLY (a)', ['SELECT ?']],
    ['a query in parentheses', 'postgresql', 'SELECT * FROM (SELECT * FROM a) x', ['SELECT', 'SELECT a']],
    ['a FROM that compares', 'postgresql', 'SELECT a IS NOT DISTINCT FROM 1 FROM b', ['SELECT b']],
    ['a SELECT that writes', 'postgresql', 'SELECT 1 INTO a', ['SELECT ?']],
    ['what is one in MySQL', 'mysql', "SELECT '\\'; DROP TABLE a -- '", ['SELECT']],
    ['what is one in some', undefined, "SELECT '\\'; DROP TABLE a --'", ['SELECT ?', 'DROP TABLE a ?']],
    ['a nested comment of PostgreSQL', 'postgresql', '/* /* */ DROP TABLE a */ SELECT 1', ['SELECT']],
    ['a nested comment of somebody', undefined, '/* /* */ DROP TABLE a', ['DROP TABLE a ?']],
    ["MySQL's comments that are code", 'mysql', 'SELECT 1 /*!50000 ; DROP TABLE a */', ['SELECT ?']],
    ['a hash in MySQL', 'mysql', 'SELECT 1 # ; DROP TABLE a', ['SELECT']],
    ['a hash in PostgreSQL', 'postgresql', 'SELECT 1 # 2; DROP TABLE a', ['SELECT', 'DROP TABLE a']],
    ['two dashes that are none in MySQL', 'mysql', 'SELECT 5--1; DROP TABLE a', ['SELECT', 'DROP TABLE a']],
    ['a dollar quote', 'postgresql', 'SELECT $x$; DROP TABLE a; $x$', ['SELECT']],
    ['a block of code', 'postgresql', "DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$", ['DO ?']],
    [
      'a CTE that ends in DELETE',
      'postgresql',
      'WITH x AS (SELECT 1) DELETE FROM a USING x',
      ['SELECT', 'DELETE a'],
    ],
    [
      'a CTE that deletes',
      'postgresql',
      'WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x',
      ['DELETE a', 'SELECT x'],
    ],
    ['an EXPLAIN that runs it', 'postgresql', 'EXPLAIN (ANALYZE, BUFFERS) DELETE FROM a', ['DELETE a']],
    ['an EXPLAIN that does not', 'postgresql', 'EXPLAIN DELETE FROM a', ['EXPLAIN']],
    [
      'a MERGE that deletes',
      'postgresql',
      'MERGE INTO a USING b ON x WHEN MATCHED THEN DELETE',
      ['MERGE a', 'DELETE a'],
    ],
    [
      'statements without a semicolon, in SQL Server',
      'mssql',
      'SELECT 1 DROP TABLE a',
      ['SELECT', 'DROP TABLE a'],
    ],
    [
      'a definition and something behind it, in SQL Server',
      'mssql',
      'CREATE TABLE a (x int) DROP TABLE b',
      ['CREATE TABLE a ?'],
    ],
    ['several tables', 'mysql', 'DROP TABLE a, b', ['DROP TABLE a', 'DROP TABLE b']],
    ['an alias', 'mysql', 'DELETE c FROM customers AS c WHERE 1', ['DELETE c', 'DELETE customers']],
    [
      'words of an honest statement',
      'mysql',
      'INSERT INTO a (x) VALUES (1) ON DUPLICATE KEY UPDATE x = 1',
      ['INSERT a'],
    ],
    ['a column called like a verb', 'postgresql', 'INSERT INTO a (delete, drop) VALUES (1, 2)', ['INSERT a']],
    ['a lock', 'postgresql', 'SELECT * FROM a FOR UPDATE', ['SELECT a']],
    ['queries in a row', 'postgresql', 'SELECT 1 UNION SELECT x FROM a', ['SELECT', 'SELECT a']],
    [
      'many queries in a row',
      'postgresql',
      `INSERT INTO a ${'SELECT 1, 2 UNION ALL '.repeat(100)} SELECT 3, 4`,
      ['INSERT a', 'SELECT'],
    ],
    [
      'queries within queries, each of which looks far for what it acts upon',
      'postgresql',
      `${'SELECT ('.repeat(50)}${'a '.repeat(2_000)}${')'.repeat(50)}`,
      ['SELECT ?'],
    ],
    ['letters that only look like a verb', 'postgresql', 'DRОP TABLE a', ['DRОP a ?']],
    ['wide letters', 'postgresql', 'ＤＲＯＰ TABLE a', ['ＤＲＯＰ a ?']],
    ['a space that only some take for one', 'mysql', 'DROP\u00a0TABLE a', ['DROP TABLE a ?']],
    ['a string without an end', 'postgresql', "SELECT 'x; DROP TABLE a", ['SELECT ?']],
    ['a comment without an end', 'postgresql', 'SELECT 1 /* DROP', ['SELECT ?']],
    ['a name in escapes', 'postgresql', 'DELETE FROM U&"d\\0061ta"', ['DELETE u ?']],
    ['nothing at all', 'postgresql', ' ; ; ', ['x ?']],
    ['a stored text', 'mssql', "EXEC('DROP TABLE a')", ['EXEC ?']],
    ['a verb without an object', 'postgresql', 'DELETE', ['DELETE ?']],
    ['a procedure', 'mysql', 'CALL cleanup(1)', ['CALL cleanup']],
  ])('plain db - %s', (_, system, text, expected) => {
    expect(sql(system, text)).toEqual(expected)
  })

  it.each<[string, string]>([
    ['one name', `DELETE FROM ${'x'.repeat(1_000_000)}`],
    ['nested comments', '/*'.repeat(500_000)],
    ['comments that close', '/**/'.repeat(250_000)],
    ['queries without an end', 'SELECT '.repeat(150_000)],
    ['open parentheses', '('.repeat(1_000_000)],
    ['dollar quotes', '$a$'.repeat(300_001)],
    ['dollars', '$'.repeat(1_000_000)],
    ['quotes', "'".repeat(1_000_001)],
    ['statements', 'DROP TABLE a;'.repeat(80_000)],
    ['joins', `DELETE a FROM a ${'JOIN b '.repeat(150_000)}`],
    ['commas', `DROP TABLE ${'a,'.repeat(500_000)}`],
    ['a path of dots', `DELETE FROM ${'a.'.repeat(500_000)}`],
  ])('plain db - a megabyte of %s is read in no time, and never for certain', (_, text) => {
    const startedMs = performance.now()
    const actions = read('db', { 'db.system': 'postgresql', 'db.statement': text })
    expect(performance.now() - startedMs).toBeLessThan(2_000)
    expect(actions.length).toBeGreaterThan(0)
    expect(actions.every(({ unsure, names }) => unsure && names.every(({ length }) => length <= 2_000))).toBe(
      true,
    )
  })
})

describe('any text', () => {
  const PARTS = [
    ...'\'"`;()[]#$-/*\\,.=?!'.split(''),
    ...[
      '--',
      '/*',
      '*/',
      '/*!',
      '$$',
      '$a$',
      "E'",
      "q'",
      'U&"',
      '\n',
      ' ',
      ' ',
      '\u00a0',
      '\u0000',
      '\ud800',
      'é',
      'D',
    ],
    ...[
      'SELECT',
      'FROM',
      'a',
      'WITH',
      'DELETE',
      'EXPLAIN',
      'ANALYZE',
      'BEGIN',
      'MERGE',
      'THEN',
      '1',
      'DROP',
      'INTO',
    ],
  ]
  const DIALECTS = ['postgresql', 'mysql', 'mssql', 'standard', 'unknown'] as const

  it.each(DIALECTS)(
    'plain db - of a text of %s that is read for certain, nothing behind it is hidden',
    (dialect) => {
      const random = createRandom(DIALECTS.indexOf(dialect))
      let certain = 0
      for (let round = 0; round < 4_000; round++) {
        const parts = Array.from(
          { length: 1 + Math.floor(random() * 8) },
          () => PARTS[Math.floor(random() * PARTS.length)],
        )
        const text = `SELECT 1 ${parts.join(random() < 0.5 ? '' : ' ')}`
        if (readSql(text, dialect).unsure) continue
        // A line comment ends with its line.
        const { actions, unsure } = readSql(`${text}\n;DROP TABLE zz`, dialect)
        certain++
        expect([text, unsure || actions.some(([name]) => name === 'DROP TABLE zz')]).toEqual([text, true])
      }
      expect(certain).toBeGreaterThan(100)
    },
  )
})
