import type { AddedToken } from './tokenizer_schema.ts';

/**
 * Finds added tokens in texts as the `tokenizers` library does: the leftmost, and of those that begin
 * there the longest; first those that are sought in the text as it is, then in what lies between them,
 * normalised, the others.
 */
export class AddedTokenSplitter {
  private readonly raw: Names;
  private readonly normalised: Names;
  private readonly normalise: (text: string) => string;

  constructor(added: readonly AddedToken[], normalise: (text: string) => string) {
    this.raw = namesOf(added.filter(({ normalized }) => !normalized).map(keyed));
    const others = added.filter(({ normalized }) => normalized);
    this.normalised = namesOf(
      others.map((token): [string, AddedToken] => [normalise(token.content), token]),
    );
    this.normalise = normalise;
  }

  /** The ids of the added tokens, and between them what is left of the text, normalised. */
  split(text: string): (string | number)[] {
    return splitBy(this.raw, text).flatMap((piece) =>
      typeof piece === 'number' ? [piece] : splitBy(this.normalised, this.normalise(piece)),
    );
  }
}

interface Names {
  readonly tokens: ReadonlyMap<string, AddedToken>;
  /** How long the names are that begin with a character, the longest first. */
  readonly lengths: ReadonlyMap<string, readonly number[]>;
}

const keyed = (token: AddedToken): [string, AddedToken] => [token.content, token];

function namesOf(tokens: readonly [string, AddedToken][]): Names {
  const lengths = new Map<string, Set<number>>();
  for (const [name] of tokens) {
    if (name === '') continue;
    const known = lengths.get(name[0]!) ?? new Set();
    lengths.set(name[0]!, known.add(name.length));
  }
  const sorted = [...lengths].map(([first, known]): [string, number[]] => [
    first,
    [...known].sort((a, b) => b - a),
  ]);
  return { tokens: new Map(tokens), lengths: new Map(sorted) };
}

function splitBy({ tokens, lengths }: Names, text: string): (string | number)[] {
  const pieces: (string | number)[] = [];
  let begin = 0;
  for (let at = 0; at < text.length; ) {
    const length = lengths
      .get(text[at]!)
      ?.find((n) => at + n <= text.length && tokens.has(text.slice(at, at + n)));
    if (length === undefined) {
      at++;
      continue;
    }
    const token = tokens.get(text.slice(at, at + length))!;
    let end = at;
    while (token.lstrip && end > begin && isSpace(text[end - 1]!)) end--;
    if (end > begin) pieces.push(text.slice(begin, end));
    pieces.push(token.id);
    begin = at + length;
    while (token.rstrip && begin < text.length && isSpace(text[begin]!)) begin++;
    at = begin;
  }
  if (begin < text.length) pieces.push(text.slice(begin));
  return pieces;
}

const isSpace = (character: string): boolean => /\p{White_Space}/u.test(character);
