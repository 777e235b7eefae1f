import { type ByteSource, quoted, weightsError } from './byte_source.ts';
import type { Json, JsonObject } from './strict_json.ts';

const maxBytes = 2 ** 20;
const maxDepth = 32;

/** What is left of a line without its comment, and where it begins. */
interface Line {
  /** From 1. */
  readonly number: number;
  /** Columns before the text. */
  readonly indent: number;
  readonly text: string;
}

/**
 * The part of YAML that configs are written in: mappings and sequences in blocks, lists in brackets,
 * and scalars on one line. Whatever else YAML has (anchors, tags, several documents, text over
 * several lines) is refused, as are words that its versions read differently (`yes`, `0x10`, `010`),
 * and a key twice in a mapping.
 *
 * @param what  what errors call these bytes, at most 1 MiB of UTF-8
 * @param only  the key of the outermost mapping that is wanted: what is indented below the others is
 *              passed over, whatever it is, and they have null for it; all keys unless told
 */
export function parseYamlObject(
  source: ByteSource,
  what: string,
  offset: number,
  length: number,
  { only }: { readonly only?: string | undefined } = {},
): JsonObject {
  const { path } = source;
  if (length > maxBytes) throw weightsError(path, what, `at most ${maxBytes} bytes`, `${length}`);
  let text: string;
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    text = decoder.decode(source.read(offset, length));
  } catch (cause) {
    throw weightsError(path, what, 'UTF-8', 'other bytes', { cause });
  }
  return new YamlReader(text, path, what, only).whole();
}

class YamlReader {
  private readonly path: string;
  private readonly what: string;
  private readonly only: string | undefined;
  /** Those that say something. */
  private readonly lines: Line[] = [];
  private at = 0;
  private depth = 0;

  constructor(text: string, path: string, what: string, only: string | undefined) {
    this.path = path;
    this.what = what;
    this.only = only;
    for (const [i, raw] of text.split('\n').entries()) {
      const line = this.lineOf(i + 1, raw.endsWith('\r') ? raw.slice(0, -1) : raw);
      if (line.text !== '' && !(this.lines.length === 0 && line.text === '---')) {
        this.lines.push(line);
      }
    }
  }

  whole(): JsonObject {
    const first = this.lines[0];
    const value = first && this.block(first.indent);
    if (!(value instanceof Map)) {
      throw weightsError(this.path, this.what, 'a mapping of keys to values', 'something else');
    }
    const rest = this.lines[this.at];
    if (rest) throw this.wrong(rest, 'indented as the lines before it');
    return value;
  }

  private lineOf(number: number, raw: string): Line {
    const indent = raw.length - raw.trimStart().length;
    const line = { number, indent, text: withoutComment(raw.slice(indent)).trimEnd() };
    if (!/^ *$/.test(raw.slice(0, indent)) || unprintable.test(line.text)) {
      throw this.wrong(line, 'printable, and indented by spaces');
    }
    return line;
  }

  /** The mapping or sequence whose lines have this indent. */
  private block(indent: number): Json {
    const line = this.lines[this.at]!;
    if (++this.depth > maxDepth) {
      throw weightsError(this.path, this.what, `at most ${maxDepth} deep`, 'deeper YAML');
    }
    const value = isItem(line) ? this.sequence(indent) : this.mapping(indent);
    this.depth--;
    return value;
  }

  private mapping(indent: number): JsonObject {
    const mapping = new Map<string, Json>();
    for (;;) {
      const line = this.lines[this.at];
      if (line?.indent !== indent || isItem(line)) return mapping;
      const [, key, rest = ''] = entry.exec(line.text) ?? [];
      if (key === undefined) throw this.wrong(line, '`key: value`');
      const name = this.scalar(line, key);
      if (name === null || name instanceof Object) throw this.wrong(line, '`key: value`');
      if (mapping.has(`${name}`)) throw this.wrong(line, 'a key that was not there yet');
      this.at++;
      mapping.set(`${name}`, this.valueOf(`${name}`, line, rest));
    }
  }

  private valueOf(name: string, line: Line, rest: string): Json {
    const isWanted = this.only === undefined || this.depth > 1 || name === this.only;
    if (isWanted) return rest === '' ? this.below(line.indent) : this.scalar(line, rest);
    while (isBelow(this.lines[this.at], line.indent)) this.at++;
    return null;
  }

  /** The value of a key with nothing after it. */
  private below(indent: number): Json {
    const next = this.lines[this.at];
    return isBelow(next, indent) ? this.block(next.indent) : null;
  }

  private sequence(indent: number): readonly Json[] {
    const items: Json[] = [];
    for (;;) {
      const line = this.lines[this.at];
      if (line?.indent !== indent || !isItem(line)) return items;
      const text = line.text.slice(1).trimStart();
      if (text === '') {
        this.at++;
        const next = this.lines[this.at];
        items.push(next && next.indent > indent ? this.block(next.indent) : null);
      } else if (text.startsWith('- ') || (entry.test(text) && !/^['"[]/.test(text))) {
        // The item is a block that begins on this line.
        const column = indent + line.text.length - text.length;
        this.lines[this.at] = { number: line.number, indent: column, text };
        items.push(this.block(column));
      } else {
        this.at++;
        items.push(this.scalar(line, text));
      }
    }
  }

  /** A value on one line. */
  private scalar(line: Line, text: string): Json {
    if (text.startsWith('[')) return this.list(line, text);
    if (text === '{}') return new Map();
    if (text.startsWith('"') || text.startsWith("'")) return this.quotedText(line, text);
    if (/^(?:null|Null|NULL|~)$/.test(text)) return null;
    if (/^(?:true|True|TRUE)$/.test(text)) return true;
    if (/^(?:false|False|FALSE)$/.test(text)) return false;
    if (number.test(text)) return Number(text);
    if (plain.test(text) && !isAmbiguous(text)) return text;
    throw this.wrong(line, 'of plain values');
  }

  private list(line: Line, text: string): readonly Json[] {
    const inner = /^\[([^[\]{}'"]*)\]$/.exec(text)?.[1]?.trim();
    if (inner === undefined) throw this.wrong(line, 'a list of plain values');
    if (inner === '') return [];
    return inner.split(',').map((item) => this.scalar(line, item.trim()));
  }

  private quotedText(line: Line, text: string): string {
    const single = /^'((?:[^']|'')*)'$/.exec(text)?.[1];
    if (single !== undefined) return single.replaceAll("''", "'");
    try {
      return JSON.parse(text) as string;
    } catch {
      throw this.wrong(line, 'of quotes in pairs, with the escapes of JSON');
    }
  }

  private wrong({ number, text }: Line, expected: string): Error {
    return weightsError(this.path, `line ${number} of ${this.what}`, expected, quoted(text));
  }
}

/** A key, plain or quoted, and what follows its colon. */
const entry = /^("[^"]*"|'[^']*'|[A-Za-z0-9_][^:'"[\]{}]*):(?: +(.*))?$/s;
const number = /^[-+]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/;
/** Begins with nothing that YAML gives a meaning, and has no separator of a mapping in it. */
const plain = /^(?!.*:(?: |$))[A-Za-z0-9_./+~$\\^(=;<-][^[\]{},]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it finds.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/;

/** Whether versions of YAML differ about what it is: a word, a number in a base, a time, a part. */
const isAmbiguous = (text: string): boolean =>
  /^(?:y|n|yes|no|on|off|null|true|false|[-+]?\.(?:inf|nan)|-|<<)$/i.test(text) ||
  /^(?:- |[-+]?0[xob0-9_])/i.test(text) ||
  (/^[-+]?[0-9][0-9_:.]*$/.test(text) && /[_:]/.test(text));

/** Whether a line is of the value of a key with that indent: items may stand right under it. */
const isBelow = (line: Line | undefined, indent: number): line is Line =>
  line !== undefined && (line.indent > indent || (line.indent === indent && isItem(line)));

const isItem = ({ text }: Line): boolean => text === '-' || text.startsWith('- ');

/** Up to the first `#` at the begin or after a space, outside of quotes. */
function withoutComment(text: string): string {
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const sign = text[i]!;
    if (quote) {
      if (sign === quote) quote = '';
    } else if (sign === '#' && (i === 0 || text[i - 1] === ' ')) {
      return text.slice(0, i);
    } else if ((sign === '"' || sign === "'") && (i === 0 || /[ [,:]/.test(text[i - 1]!))) {
      quote = sign;
    }
  }
  return text;
}
