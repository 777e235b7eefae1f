import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StylearError } from '../error.ts';
import type { GenerateRequest } from '../generate/request.ts';
import type { StyleAR } from '../generate/stylear.ts';
import { replaceFile } from '../replace_file.ts';
import {
  type EvaluatedPrompt,
  type EvaluatedStyle,
  type Place,
  placesOf,
  seedOf,
} from './protocol.ts';
import {
  type EncodedStyle,
  encodeReference,
  type ModelVariant,
  variantRequest,
} from './variants.ts';

/** Pictures of one split in one variant. */
export interface PictureGroup {
  readonly variant: ModelVariant;
  readonly styles: readonly EvaluatedStyle[];
  /** Of each style and prompt. */
  readonly seeds: number;
}

/** How large pictures of an evaluation are drawn, and how many at once. */
export interface DrawPicturesOptions {
  /** Pixels a side. */
  readonly size: number;
  /** Pictures that are drawn at once. */
  readonly batch: number;
  readonly signal?: AbortSignal | undefined;
  readonly onPicture?: ((done: number, total: number) => void) | undefined;
}

/** Where the pictures of a model are kept, and which they are. */
export class PictureFolder {
  private readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Opens a folder, or begins one.
   *
   * Rejects with `ERR_INPUT` when it has pictures of another model, or of one that was asked otherwise.
   *
   * @param identity  of the model and of how it is asked
   */
  static async open(folder: string, identity: string): Promise<PictureFolder> {
    const file = join(folder, 'identity.json');
    mkdirSync(folder, { recursive: true });
    if (!existsSync(file))
      await replaceFile(file, 'ERR_INPUT', (append) => append(Buffer.from(identity)));
    const found = readFileSync(file, 'utf8');
    if (found === identity) return new PictureFolder(folder);
    throw new StylearError(
      'ERR_INPUT',
      `${folder}: expected its pictures to be of ${identity}, got those of ${found}. Remove the ` +
        'folder, or choose another output.',
    );
  }

  pathOf({ variant, styles }: PictureGroup, { style, prompt, seed }: Place): string {
    const split = styles[0]!.split;
    return join(this.folder, variant, split, `style-${style}-prompt-${prompt}-${seed}.png`);
  }
}

/** Draws what a folder lacks of groups of pictures, all of it together. */
export async function drawPictures(
  stylear: StyleAR,
  pictures: PictureFolder,
  groups: readonly PictureGroup[],
  prompts: readonly EvaluatedPrompt[],
  { size, batch, signal, onPicture }: DrawPicturesOptions,
): Promise<void> {
  const wanted = groups.flatMap((group) =>
    placesOf(group.styles.length, prompts.length, group.seeds).map((place) => ({ group, place })),
  );
  const lacking = wanted.filter(({ group, place }) => !existsSync(pictures.pathOf(group, place)));
  let done = wanted.length - lacking.length;
  onPicture?.(done, wanted.length);
  if (lacking.length === 0) return;
  for (const { group, place } of lacking)
    mkdirSync(join(pictures.pathOf(group, place), '..'), { recursive: true });
  // One encoding of each split serves all of its variants.
  const encoded = new Map<PictureGroup['styles'], EncodedStyle[]>();
  for (const { styles } of groups) {
    if (encoded.has(styles)) continue;
    const all: EncodedStyle[] = [];
    for (const style of styles) all.push(await encodeReference(stylear, style));
    encoded.set(styles, all);
  }
  const requests = lacking.map(({ group, place }): GenerateRequest => {
    const { prompt } = prompts[place.prompt]!;
    const how = variantRequest(group.variant, encoded.get(group.styles)!, place.style);
    return { prompt, ...how, seed: seedOf(place), size: { width: size, height: size } };
  });
  for await (const event of stylear.generate(requests, { batch, signal })) {
    if (event.type !== 'image') continue;
    const { group, place } = lacking[event.image.request]!;
    await event.image.save(pictures.pathOf(group, place));
    onPicture?.(++done, wanted.length);
  }
}
