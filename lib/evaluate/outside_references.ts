import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { StyleHandle } from '../generate/style_handle.ts';
import type { StyleAR } from '../generate/stylear.ts';
import { decodePicture } from '../image/decode.ts';
import type { Picture } from '../image/picture.ts';
import { fitted } from '../image/picture_grid.ts';
import { makeFolder } from '../make_folder.ts';
import { paletteDistance, paletteStatistics } from './palette.ts';
import { type EvaluatedPrompt, seedOf } from './protocol.ts';
import type { ReferenceRow } from './report.ts';

/** A picture from outside with what a model drew in its style. */
export interface OutsideResult {
  readonly reference: Picture;
  readonly results: readonly Picture[];
  readonly row: ReferenceRow;
}

/** How results for references from outside are drawn and kept. */
export interface OutsideOptions {
  /** Where pictures are kept; those that are there are not drawn again. */
  readonly folder: string;
  readonly size: number;
  readonly batch: number;
  readonly signal?: AbortSignal | undefined;
}

/** Draws every prompt in the style of each picture, and compares their colours. */
export async function drawInOutsideStyles(
  stylear: StyleAR,
  model: string,
  paths: readonly string[],
  prompts: readonly EvaluatedPrompt[],
  { folder, size, batch, signal }: OutsideOptions,
): Promise<OutsideResult[]> {
  makeFolder(folder);
  const file = (style: number, prompt: number) =>
    join(folder, `${style}-${basename(paths[style]!)}-${prompt}.png`);
  const places = paths.flatMap((_, style) => prompts.map((_, prompt) => ({ style, prompt })));
  const lacking = places.filter(({ style, prompt }) => !existsSync(file(style, prompt)));
  const references: Picture[] = [];
  for (const path of paths) references.push(await decodePicture(path));
  if (lacking.length > 0) {
    const encoded: StyleHandle[] = [];
    for (const reference of references) encoded.push(await stylear.encodeStyle(reference));
    const requests = lacking.map(({ style, prompt }) => ({
      prompt: prompts[prompt]!.prompt,
      style: encoded[style]!,
      seed: seedOf({ style, prompt, seed: 0 }),
      size: { width: size, height: size },
    }));
    for await (const event of stylear.generate(requests, { batch, signal })) {
      if (event.type !== 'image') continue;
      const { style, prompt } = lacking[event.image.request]!;
      await event.image.save(file(style, prompt));
    }
  }
  const palettes = references.map(paletteStatistics);
  const all: OutsideResult[] = [];
  for (const [style, reference] of references.entries()) {
    const results: Picture[] = [];
    for (const prompt of prompts.keys()) results.push(await decodePicture(file(style, prompt)));
    const own = results.map((result) => paletteStatistics(result));
    const to = (other: number) => own.map((palette) => paletteDistance(palette, palettes[other]!));
    const others = references.map((_, i) => i).filter((i) => i !== style);
    const ownDistances = to(style);
    const otherDistances = others.map(to);
    all.push({
      reference: fitted(reference, size),
      results,
      row: {
        model,
        reference: basename(paths[style]!),
        ownPalette: mean(ownDistances),
        otherPalette: mean(otherDistances.flat()),
        choice: mean(
          otherDistances.flatMap((distances) =>
            distances.map((distance, i) => Number(ownDistances[i]! < distance)),
          ),
        ),
      },
    });
  }
  return all;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
