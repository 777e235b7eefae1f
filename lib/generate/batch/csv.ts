import { StylearError } from '../../error.ts';

/** A record, and the line in which it begins. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * The records of a CSV file as RFC 4180 has them: fields between commas, in double quotes where they have
 * commas, line ends or quotes, which are then written twice. Empty lines are passed over.
 *
 * @param name  of the file, for errors
 * @throws `ERR_INPUT` naming the line where quotes are not as they should be
 */
export function parseCsv(text: string, name: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  /** Up to and with what ends a field: a comma, the end of a line, or that of the text. */
  const field = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  let line = 1;
  let fields: string[] = [];
  let begin = line;
  for (let at = 0; at < text.length || fields.length > 0; ) {
    field.lastIndex = at;
    const match = field.exec(text);
    if (!match) {
      const got = JSON.stringify(text.slice(at, at + 20));
      throw new StylearError(
        'ERR_INPUT',
        `${name}:${line}: expected a field to be quoted whole or without quotes, got ${got}`,
      );
    }
    const [whole, quoted, plain = '', end] = match;
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    line += whole.split('\n').length - 1;
    at += whole.length;
    if (end === ',') continue;
    if (fields.length > 1 || fields[0] !== '' || quoted !== undefined)
      records.push({ line: begin, fields });
    fields = [];
    begin = line;
  }
  return records;
}
