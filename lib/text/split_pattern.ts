// The regular expressions that a tokenizer.json may hold. Any other is refused: what a hostile one
// costs cannot be told from its text, and what one means differs between Oniguruma and JavaScript.
// Each of these takes time in proportion to the text, and the two agree on it.

const contractions = "'s|'t|'re|'ve|'m|'ll|'d";

/** The words of GPT-2, which byte-level tokenizers split by unless told otherwise. */
export const gpt2Words = `${contractions}| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+`;

/** The words of CLIP; what lies between them is left out. */
export const clipWords = `${contractions}|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+`;

/** The words of GPT-4 with numbers as `digits` has them. */
const gpt4Words = (digits: string) =>
  `(?i:${contractions})|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

/** Any white space. */
export const whiteSpace = '\\s+';

/** The regular expressions that a file may split by. */
export const knownPatterns: ReadonlySet<string> = new Set([
  // Chameleon's.
  '<sentinel:[0-9]+>',
  '(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z',
  '([\\t\\n]|    |  )',
  gpt2Words,
  // Qwen2's and Llama 3's.
  gpt4Words('\\p{N}'),
  gpt4Words('\\p{N}{1,3}'),
  clipWords,
  whiteSpace,
]);

/** What the pre-tokenizer `Digits` takes for a digit: any number of Unicode. */
export const digit = '\\p{N}';

/** What the pre-tokenizer `Punctuation` takes for it: that of Unicode, and the signs of ASCII. */
export const punctuationSign = '[\\p{P}!-/:-@\\[-`{-~]';
