import { readFileSync, statSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { StylearError } from '../../error.ts';
import { parseCsv } from './csv.ts';
import { type BatchRow, pictureName, rowFields, rowOf, wordFields } from './row.ts';

/** What a file of requests may be at most. */
const most = { bytes: 256 * 2 ** 20, pictures: 10_000_000 } as const;

/**
 * Reads a file of requests whole, so that what is wrong with it is known before anything is drawn. Its
 * paths of pictures are relative to its folder.
 *
 * @param path  `.jsonl`, an object in each line, or `.csv`, with the names of fields in the first
 * @throws `ERR_INPUT` naming the line and the field that is not as it should be
 */
export function readRequestsFile(path: string): BatchRow[] {
  const end = extname(path).toLowerCase();
  if (end !== '.jsonl' && end !== '.csv')
    throw wrong(path, 'its end to be .jsonl or .csv', end === '' ? 'none' : end);
  const text = readText(path);
  const folder = dirname(path);
  const found = end === '.csv' ? fieldsOfCsv(text, path) : fieldsOfJsonLines(text, path);
  const rows = found.map(({ line, fields }) => rowOf(fields, line, `${path}:${line}`, folder));
  if (rows.length === 0) throw wrong(path, 'at least one request', 'none');
  requireApart(path, rows);
  return rows;
}

interface Found {
  readonly line: number;
  readonly fields: unknown;
}

function fieldsOfJsonLines(text: string, path: string): Found[] {
  return text.split('\n').flatMap((source, i) => {
    if (source.trim() === '') return [];
    try {
      return [{ line: i + 1, fields: JSON.parse(source) as unknown }];
    } catch (cause) {
      throw wrong(`${path}:${i + 1}`, 'the line to be JSON', (cause as Error).message, cause);
    }
  });
}

function fieldsOfCsv(text: string, path: string): Found[] {
  const [head, ...records] = parseCsv(text, path);
  const names = head?.fields ?? [];
  names.forEach((name, i) => {
    const at = `${path}:${head!.line}`;
    if (!rowFields.includes(name))
      throw wrong(at, `its columns to be among ${rowFields.join(', ')}`, JSON.stringify(name));
    if (names.indexOf(name) < i) throw wrong(at, `one column ${name}`, 'two');
  });
  return records.map(({ line, fields }) => {
    if (fields.length !== names.length)
      throw wrong(`${path}:${line}`, `${names.length} fields`, `${fields.length}`);
    // What is left empty is not said.
    const said = names.flatMap((name, i) =>
      fields[i] === '' ? [] : [[name, fields[i]!] as const],
    );
    return {
      line,
      fields: Object.fromEntries(
        said.map(([name, value]) => [name, wordFields.has(name) ? value : numberOf(value)]),
      ),
    };
  });
}

/** A number that was written as one, or else the words, which are refused as such. */
const numberOf = (text: string): number | string =>
  /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : text;

/** No two rows may have an id, or the name of a picture, in common. */
function requireApart(path: string, rows: readonly BatchRow[]): void {
  const lines = new Map<string, number>();
  let pictures = 0;
  for (const row of rows) {
    pictures += row.count;
    if (pictures > most.pictures)
      throw wrong(`${path}:${row.line}`, `at most ${most.pictures} pictures`, 'more');
    const names = Array.from({ length: row.count }, (_, index) => pictureName(row, index));
    for (const name of new Set([row.id, ...names])) {
      const before = lines.get(name);
      if (before !== undefined) {
        const expected = `an id whose files no other row has`;
        throw wrong(`${path}:${row.line}`, expected, `${row.id}, as in line ${before}`);
      }
      lines.set(name, row.line);
    }
  }
}

function readText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > most.bytes) throw wrong(path, `at most ${most.bytes} bytes`, `${size}`);
    // A byte order mark at the beginning is dropped.
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    if (cause instanceof StylearError) throw cause;
    throw wrong(path, 'a readable file of UTF-8', (cause as Error).message, cause);
  }
}

const wrong = (where: string, expected: string, got: string, cause?: unknown): StylearError =>
  new StylearError('ERR_INPUT', `${where}: expected ${expected}, got ${got}`, { cause });
