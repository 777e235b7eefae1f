// The tokenizers of the embedded model: byte-level BPE (Sennrich et al. 2016) over captions of the
// picture world, with the names of special tokens that Chameleon and CLIP have.
import { writeFileSync } from 'node:fs';
import { captionOf, drawContent } from '../../dist/curate/world/content.js';
import { trainingSeed } from '../../dist/curate/world/held_out.js';
import { drawRaw } from '../../dist/curate/world/raw.js';
import { styleWords } from '../../dist/curate/world/style_words.js';
import { drawStyle } from '../../dist/curate/world/styles/draw_style.js';
import { byteCharacters } from '../../dist/text/byte_alphabet.js';
import { fillTemplate } from '../../dist/text/prompt_template.js';
import { codeName } from '../../dist/text/vocabulary.js';

const captions = 6000;
const merges = 700;
/** Grid sizes that have names: pictures of up to 128 pixels a side. */
const gridMax = 4;

/** @param {string} file */
export function writeTransformerTokenizer(file, codes = 1024) {
  const grids = Array.from({ length: gridMax }, (_, i) => `<reserved0${8801 + i}>`);
  const specials = ['<s>', '<pad>', '</s>', '<unk>', '<eoss>', '<racm3:break>'];
  const codeNames = Array.from({ length: codes }, (_, code) => codeName(code));
  const added = [...specials, '<reserved08706>', '<reserved08799>', ...grids];
  const styleSentence = fillTemplate('style', { prompt: '' })[0];
  const plainSentence = fillTemplate('plain', { prompt: '', width: 64, height: 64 })[0];
  const texts = worldCaptions().flatMap((caption, i) =>
    i % 4 === 0 ? [caption, styleSentence, plainSentence] : [caption],
  );
  const pieces = '[A-Za-z]+| [A-Za-z]+|[\\s\\S]';
  write(file, {
    added,
    names: codeNames,
    words: wordsOf(texts, new RegExp(pieces, 'g')),
    rest: {
      normalizer: null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Digits', individual_digits: true },
          { type: 'Punctuation', behavior: 'Isolated' },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
        ],
      },
    },
  });
}

/** @param {string} file */
export function writeClipTokenizer(file) {
  write(file, {
    added: ['<|startoftext|>', '<|endoftext|>'],
    names: [],
    words: wordsOf(worldCaptions(), / ?[a-z]+|[\s\S]/g),
    rest: {
      normalizer: { type: 'Lowercase' },
      pre_tokenizer: {
        type: 'ByteLevel',
        add_prefix_space: false,
        trim_offsets: true,
        use_regex: true,
      },
    },
  });
}

function worldCaptions() {
  return Array.from({ length: captions }, (_, i) => {
    const seed = trainingSeed(i);
    const stylised = `${captionOf(drawContent(seed), seed)} ${styleWords(drawStyle(seed), seed)}`;
    return [drawRaw(seed).caption, stylised];
  }).flat();
}

/** How often each word is there, in the characters of the byte-level alphabet. */
function wordsOf(texts, pieces) {
  const counts = new Map();
  for (const text of texts) {
    for (const [piece] of text.matchAll(pieces)) {
      const word = [...Buffer.from(piece)].map((byte) => byteCharacters[byte]).join('');
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

function write(file, { added, names, words, rest }) {
  const learned = learn(words);
  const tokens = [...added, ...names, ...byteCharacters, ...learned.map((pair) => pair.join(''))];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const options = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added.map((content, id) => ({ id, content, ...options, special: true })),
    ...rest,
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges: learned.map((pair) => pair.join(' ')),
    },
  };
  writeFileSync(file, `${JSON.stringify(json)}\n`);
  console.log(`${file}: ${tokens.length} tokens`);
}

/** The pairs that are joined, in their order: always the most frequent one, the first by name of equals. */
function learn(words) {
  const split = [...words].map(([word, count]) => ({ parts: [...word], count }));
  const learned = [];
  while (learned.length < merges) {
    const counts = new Map();
    for (const { parts, count } of split) {
      for (let i = 1; i < parts.length; i++) {
        const key = `${parts[i - 1]} ${parts[i]}`;
        counts.set(key, (counts.get(key) ?? 0) + count);
      }
    }
    const best = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0];
    if (!best || best[1] < 8) break;
    const [left, right] = best[0].split(' ');
    learned.push([left, right]);
    for (const word of split) {
      const joined = [];
      for (const part of word.parts) {
        if (part === right && joined.at(-1) === left) joined[joined.length - 1] += right;
        else joined.push(part);
      }
      word.parts = joined;
    }
  }
  return learned;
}
