// The recipe of the paper as stages: pictures, scores, and what is kept of them with its tokens. Each
// stage is shards that the next one reads.
import { join } from 'node:path';
import { StylearError } from '../error.ts';
import { replaceFile } from '../replace_file.ts';
import { makeParts } from '../shards/parts.ts';
import { type Sample, Shards } from '../shards/shards.ts';
import type { Device } from '../tensor/device.ts';
import { contentOfFiles } from '../weights/fingerprint.ts';
import { candidateSamples, scoredOf, withoutReference } from './candidate_samples.ts';
import type { Candidates } from './candidates/candidates.ts';
import { openCandidates, sourceIdentity } from './candidates/open_candidates.ts';
import { ClipEmbedder } from './clip_embedder.ts';
import type { CurateConfigOf } from './config.ts';
import type { CurationOptions } from './curation_options.ts';
import { type FilterReport, filterReport, type Judged, reasonsToRemove } from './filter.ts';
import { type CurationReport, finishedReport, finishOutput, outputFiles } from './output.ts';
import { PictureTokenizer, tokenizerIdentity } from './picture_tokenizer.ts';
import { scoresOf } from './scores.ts';
import { withTokens } from './with_tokens.ts';

type PicturesConfig = CurateConfigOf<'pictures'>;

/** See `curate`. */
export async function curatePictures(
  config: PicturesConfig,
  device: Device,
  { signal, onProgress }: CurationOptions,
): Promise<CurationReport> {
  const { output, partSize, clip, keep, tokens, keepWork } = config;
  using candidates = openCandidates(config.source, config.size);
  const identities = identitiesOf(config, candidates);
  const finished = finishedReport(output, identities.packed);
  if (finished) return finished;
  // Opened before pictures are made, which takes long, so that what is wrong with them is told at once.
  using embedder = clip === undefined ? undefined : ClipEmbedder.open(clip, device);
  using tokenizer = tokens && PictureTokenizer.open(tokens, device);
  tokenizer?.requireSide(config.size);
  const { work, scores: scoresFile } = outputFiles(output);
  const stage = (
    name: keyof typeof identities,
    total: number,
    make: (begin: number, end: number) => AsyncIterable<Sample>,
  ): Promise<string[]> => {
    const options = { total, partSize, identity: identities[name], signal };
    const report = (done: number) => onProgress?.(name, done, total);
    return makeParts(join(work, name), { ...options, onProgress: report }, make);
  };
  const judge = async (pictures: Shards): Promise<Judged[]> => {
    const parts = await stage('scores', pictures.length, (begin, end) =>
      scoredSamples(pictures, embedder, begin, end),
    );
    using scores = Shards.open(parts);
    return judgedOf(scores);
  };
  const pictureParts = await stage('pictures', candidates.length, (begin, end) =>
    candidateSamples(candidates, config.size, begin, end),
  );
  using pictures = Shards.open(pictureParts);
  const judged = await judge(pictures);
  const reasons = reasonsToRemove(judged, keep);
  const kept = judged.flatMap((_, i) => (reasons[i] === undefined ? [i] : []));
  const lines = judged.map((one, i) => `${JSON.stringify({ ...one, removed: reasons[i] })}\n`);
  await replaceFile(scoresFile, 'ERR_INPUT', (write) => write(Buffer.from(lines.join(''))));
  const filtered = filterReport(judged, reasons, keep);
  if (kept.length === 0) throw noneKept(scoresFile, filtered);
  const packedParts = await stage('packed', kept.length, (begin, end) => {
    const samples = kept.slice(begin, end).map((i) => withoutReference(pictures.at(i)));
    return tokens && tokenizer ? withTokens(samples, tokenizer, tokens.batchSize) : inTurn(samples);
  });
  const report = { identity: identities.packed, config, ...filtered };
  return await finishOutput(output, packedParts, report, { keepWork });
}

function noneKept(scoresFile: string, { candidates, removed, faults }: FilterReport): StylearError {
  const reasons = Object.entries(removed).map(([reason, count]) => `${reason} ${count}`);
  const got = [`none of ${candidates}`, ...reasons].join(', ');
  const first = faults.length > 0 ? `The first: ${faults[0]}. ` : '';
  return new StylearError(
    'ERR_INPUT',
    `${scoresFile}: expected candidates that are kept to be at least one, got ${got}. ${first}` +
      'Ask for less: what was made and scored stays, and is not made again.',
  );
}

async function* inTurn<T>(values: Iterable<T>): AsyncGenerator<T> {
  yield* values;
}

/** What each stage is made of: thresholds can change without another picture being drawn. */
function identitiesOf(config: PicturesConfig, candidates: Candidates) {
  const { size, partSize, clip, keep } = config;
  const of = { source: sourceIdentity(config.source, candidates), size, partSize };
  const scored = { ...of, clip: clip && contentOfFiles([clip]) };
  const tokens = config.tokens && tokenizerIdentity(config.tokens);
  return {
    pictures: JSON.stringify(of),
    scores: JSON.stringify(scored),
    packed: JSON.stringify({ ...scored, keep, tokens }),
  };
}

/** A sample for each picture, with the JSON of its scores. */
async function* scoredSamples(
  pictures: Shards,
  clip: ClipEmbedder | undefined,
  begin: number,
  end: number,
): AsyncGenerator<Sample> {
  for (let at = begin; at < end; at += scoredAtOnce) {
    const samples = [...pictures.range(at, Math.min(at + scoredAtOnce, end))];
    const read = await Promise.all(samples.map(scoredOf));
    const scores = await scoresOf(
      read.flatMap((one) => ('fault' in one ? [] : [one])),
      clip,
    );
    let next = 0;
    for (const [i, { key }] of samples.entries()) {
      const one = read[i]!;
      const judged: Judged = { key, ...('fault' in one ? one : scores[next++]!) };
      yield { key, files: new Map([['json', Buffer.from(JSON.stringify(judged))]]) };
    }
  }
}

const scoredAtOnce = 32;

/** What `scoredSamples` has written. */
const judgedOf = (scores: Shards): Judged[] =>
  Array.from(scores.range(0, scores.length), ({ files }) => {
    return JSON.parse(Buffer.from(files.get('json')!).toString('utf8')) as Judged;
  });
