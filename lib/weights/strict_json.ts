import { type ByteSource, quoted, weightsError } from './byte_source.ts';

/** A JSON value. Objects are maps, so that no key means anything but itself. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
/** A JSON object: its values by their keys, in the order of the text. */
export type JsonObject = ReadonlyMap<string, Json>;

const maxDepth = 32;
const maxValues = 4_000_000;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const space = /[ \t\n\r]*/y;

/**
 * JSON as RFC 8259 has it, from bytes of a file, and stricter: UTF-8, an object, no key twice in the
 * same object, no deeper than 32, at most four million values.
 *
 * @param what  what errors call these bytes
 */
export function parseJsonObject(
  source: ByteSource,
  what: string,
  offset: number,
  length: number,
): JsonObject {
  let text: string;
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    text = decoder.decode(source.read(offset, length));
  } catch (cause) {
    throw weightsError(source.path, what, 'UTF-8', 'other bytes', { cause });
  }
  const value = new JsonScanner(text, source.path, what).whole();
  if (!(value instanceof Map)) {
    throw weightsError(source.path, what, 'a JSON object', 'another value');
  }
  return value;
}

class JsonScanner {
  private at = 0;
  private depth = 0;
  private values = 0;
  private readonly text: string;
  private readonly path: string;
  private readonly what: string;

  constructor(text: string, path: string, what: string) {
    this.text = text;
    this.path = path;
    this.what = what;
  }

  whole(): Json {
    const value = this.value();
    this.match(space);
    if (this.at !== this.text.length) throw this.unexpected('the end');
    return value;
  }

  private value(): Json {
    if (++this.values > maxValues) {
      throw weightsError(this.path, this.what, `one of at most ${maxValues} values`, 'more');
    }
    this.match(space);
    switch (this.text[this.at]) {
      case '{':
        return this.nested(() => this.object());
      case '[':
        return this.nested(() => this.array());
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      default: {
        const digits = this.match(number);
        if (!digits) throw this.unexpected('a value');
        return Number(digits);
      }
    }
  }

  private nested<T>(body: () => T): T {
    if (++this.depth > maxDepth) {
      throw weightsError(this.path, this.what, `at most ${maxDepth} deep`, 'deeper JSON');
    }
    this.at++;
    const value = body();
    this.depth--;
    return value;
  }

  private object(): JsonObject {
    const object = new Map<string, Json>();
    if (this.accept('}')) return object;
    do {
      this.match(space);
      const key = this.string();
      if (object.has(key)) {
        throw weightsError(this.path, this.what, 'without a key twice', `${quoted(key)} twice`);
      }
      if (!this.accept(':')) throw this.unexpected('a colon');
      object.set(key, this.value());
    } while (this.accept(','));
    if (!this.accept('}')) throw this.unexpected('a comma or a closing brace');
    return object;
  }

  private array(): readonly Json[] {
    const array: Json[] = [];
    if (this.accept(']')) return array;
    do array.push(this.value());
    while (this.accept(','));
    if (!this.accept(']')) throw this.unexpected('a comma or a closing bracket');
    return array;
  }

  private string(): string {
    const begin = this.at;
    if (this.text[begin] !== '"') throw this.unexpected('a string');
    let end = begin + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === '\\' ? 2 : 1;
    try {
      // What lies between two quotes that no backslash hides is a string or refused.
      const string = JSON.parse(this.text.slice(begin, end + 1)) as string;
      this.at = end + 1;
      return string;
    } catch {
      throw this.unexpected('a string');
    }
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw this.unexpected('a value');
    this.at += word.length;
    return value;
  }

  private accept(sign: string): boolean {
    this.match(space);
    if (this.text[this.at] !== sign) return false;
    this.at++;
    return true;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  private unexpected(wanted: string): Error {
    const got =
      this.at < this.text.length ? quoted(this.text.slice(this.at, this.at + 20)) : 'the end';
    const where = `character ${this.at} of ${this.what}`;
    return weightsError(this.path, where, wanted, got);
  }
}
