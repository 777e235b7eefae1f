// Pairs for DPO: of some pictures that a model draws of a prompt in a style, the best and the worst.
import { join } from 'node:path';
import { encodePicture } from '../image/encode.ts';
import type { Picture } from '../image/picture.ts';
import { makeParts } from '../shards/parts.ts';
import type { Sample } from '../shards/shards.ts';
import { encodeSample } from '../shards/training_sample.ts';
import { type Candidates, squareOf } from './candidates/candidates.ts';
import { openCandidates, sourceIdentity } from './candidates/open_candidates.ts';
import { type ClipEmbedder, cosine } from './clip_embedder.ts';
import type { CurateConfigOf } from './config.ts';
import type { CurationOptions } from './curation_options.ts';
import {
  type CurationReport,
  finishedReport,
  finishOutput,
  lockOutput,
  outputFiles,
} from './output.ts';

/** What is drawn: several pictures of a prompt in the style of a picture. */
export interface DrawRequest {
  readonly prompt: string;
  readonly style: Picture;
  /** Of the first picture; the others have the seeds after it. */
  readonly seed: number;
  readonly count: number;
  readonly size: { readonly width: number; readonly height: number };
}

/** A picture that was drawn, and the tokens that it was decoded from. */
export interface DrawnSample {
  readonly picture: Picture;
  /** From the start of the picture to its end. */
  readonly tokens: readonly number[];
}

/** Draws the pictures of requests, `count` of each; see `drawSamples`. */
export type DrawPictures = (
  requests: readonly DrawRequest[],
) => Promise<readonly (readonly DrawnSample[])[]>;

/** How good each of some pictures is, by any measure: more is better. */
export type ScorePictures = (
  pictures: readonly Picture[],
  asked: { readonly prompt: string; readonly reference: Picture },
) => Promise<readonly number[]>;

/** What pairs of preferences are made with: a model that draws, and a measure. */
export interface PreferenceParts {
  readonly draw: DrawPictures;
  readonly score: ScorePictures;
  /** Names model and measure: the pairs of others are not gone on with. */
  readonly identity: string;
}

/** CLIP-T and CLIP-I, each times its weight. */
export const clipScore =
  (
    clip: ClipEmbedder,
    { text, style }: { readonly text: number; readonly style: number },
  ): ScorePictures =>
  async (pictures, { prompt, reference }) => {
    const [caption] = await clip.texts([prompt]);
    const [styled, ...drawn] = await clip.pictures([reference, ...pictures]);
    return drawn.map((one) => text * cosine(one, caption!) + style * cosine(one, styled!));
  };

/**
 * Draws pictures and writes the best and the worst of each request as `chosen` and `rejected`, with the
 * reference as the picture of the sample. Requests whose scores differ by less than the margin are left
 * out. It goes on where an earlier run stopped, as `curate` does.
 *
 * Throws `ERR_INPUT` where the output is that of another config or another run is at it, and with the
 * reason of the signal.
 */
export async function curatePreferences(
  config: CurateConfigOf<'preferences'>,
  parts: PreferenceParts,
  { signal, onProgress }: CurationOptions = {},
): Promise<CurationReport> {
  const { output, partSize } = config;
  using _lock = lockOutput(output);
  using candidates = openCandidates(config.source, config.size);
  // Of the model and the clip the identity of the parts tells.
  const { output: _, model, clip, source, ...settings } = config;
  const of = { source: sourceIdentity(source, candidates), parts: parts.identity };
  const identity = JSON.stringify({ ...settings, ...of });
  const finished = finishedReport(output, identity);
  if (finished) return finished;
  const total = candidates.length;
  const indices = await makeParts(
    join(outputFiles(output).work, 'preferences'),
    {
      ...{ total, partSize, identity, signal },
      onProgress: (done) => onProgress?.('preferences', done, total),
    },
    (begin, end) => pairsOf(config, parts, candidates, begin, end),
  );
  return await finishOutput(output, indices, { identity, config, requests: total });
}

async function* pairsOf(
  { samples: count, seed, size, minMargin }: CurateConfigOf<'preferences'>,
  { draw, score }: PreferenceParts,
  candidates: Candidates,
  begin: number,
  end: number,
): AsyncGenerator<Sample> {
  const asked = [];
  for (let i = begin; i < end; i++) {
    const { key, caption: prompt, reference } = await candidates.at(i);
    // The sources of a config of preferences all have references.
    const style = squareOf(reference!.picture, size);
    const square = { width: size, height: size };
    asked.push({ key, request: { prompt, style, seed: seed + i * count, count, size: square } });
  }
  const drawn = await draw(asked.map(({ request }) => request));
  for (const [i, { key, request }] of asked.entries()) {
    const samples = drawn[i]!;
    const { prompt, style: reference } = request;
    const scores = await score(
      samples.map(({ picture }) => picture),
      { prompt, reference },
    );
    // The first of equals: the same scores give the same pair.
    const best = scores.indexOf(Math.max(...scores));
    const worst = scores.indexOf(Math.min(...scores));
    if (best === worst || scores[best]! - scores[worst]! < minMargin) continue;
    yield encodeSample({
      key,
      caption: prompt,
      picture: { format: 'png', bytes: await encodePicture(reference) },
      chosen: Int32Array.from(samples[best]!.tokens),
      rejected: Int32Array.from(samples[worst]!.tokens),
      style: { scores, best, worst, seed: request.seed },
    });
  }
}
