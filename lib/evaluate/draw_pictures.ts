import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { GenerateRequest } from '../generate/request.ts';
import type { StyleAR } from '../generate/stylear.ts';
import { requireIdentity } from '../identity.ts';
import { makeFolder } from '../make_folder.ts';
import { replaceFile } from '../replace_file.ts';
import { type Place, placesOf, seedOf } from './protocol.ts';
import {
  type EncodedStyle,
  encodeReference,
  type ModelVariant,
  type Reference,
  variantRequest,
} from './variants.ts';

/** Pictures in one variant, of a split or in the styles of pictures from outside. */
export interface PictureGroup {
  readonly variant: ModelVariant;
  readonly styles: readonly Reference[];
  readonly prompts: readonly string[];
  /** Of each style and prompt. */
  readonly seeds: number;
  /** Where a picture of it lies in the folder of the variant. */
  readonly fileOf: (place: Place) => string;
}

/** All places of a group, those of the first seed first. */
export const placesOfGroup = ({ styles, prompts, seeds }: PictureGroup): Place[] =>
  placesOf(styles.length, prompts.length, seeds);

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
   * @param protocol  how it is asked
   */
  static async open(
    folder: string,
    { hash: model, config: { defaults } }: StyleAR,
    protocol: object,
  ): Promise<PictureFolder> {
    const asked = { model, defaults, ...protocol };
    const file = identityFile(folder);
    makeFolder(folder);
    if (!existsSync(file))
      await replaceFile(file, 'ERR_INPUT', (append) => append(Buffer.from(JSON.stringify(asked))));
    const begun = readFileSync(file, 'utf8');
    // Older ones do not say with which defaults their pictures were drawn.
    const known = 'defaults' in JSON.parse(begun) ? asked : { ...asked, defaults: undefined };
    requireIdentity(folder, begun, JSON.stringify(known), otherPictures);
    return new PictureFolder(folder);
  }

  /** Throws `ERR_INPUT` when a folder has pictures that were asked for otherwise, of whichever model. */
  static requireProtocol(folder: string, protocol: object): void {
    const file = identityFile(folder);
    if (!existsSync(file)) return;
    const found = JSON.parse(readFileSync(file, 'utf8')) as object;
    const begun = JSON.stringify({ ...found, model: undefined, defaults: undefined });
    requireIdentity(folder, begun, JSON.stringify(protocol), otherPictures);
  }

  pathOf({ variant, fileOf }: PictureGroup, place: Place): string {
    return join(this.folder, variant, fileOf(place));
  }
}

const identityFile = (folder: string): string => join(folder, 'identity.json');
const otherPictures = 'Remove the folder, or choose another output.';

/** Draws what a folder lacks of groups of pictures, all of it together. */
export async function drawPictures(
  stylear: StyleAR,
  pictures: PictureFolder,
  groups: readonly PictureGroup[],
  { size, batch, signal, onPicture }: DrawPicturesOptions,
): Promise<void> {
  const wanted = groups.flatMap((group) => placesOfGroup(group).map((place) => ({ group, place })));
  const lacking = wanted.filter(({ group, place }) => !existsSync(pictures.pathOf(group, place)));
  let done = wanted.length - lacking.length;
  onPicture?.(done, wanted.length);
  if (lacking.length === 0) return;
  for (const { group, place } of lacking) makeFolder(dirname(pictures.pathOf(group, place)));
  // One encoding of each split, or of the pictures from outside, serves all variants.
  const encoded = new Map<PictureGroup['styles'], EncodedStyle[]>();
  for (const {
    group: { styles },
  } of lacking) {
    if (encoded.has(styles)) continue;
    const all: EncodedStyle[] = [];
    for (const style of styles) all.push(await encodeReference(stylear, style));
    encoded.set(styles, all);
  }
  const requests = lacking.map(({ group, place }): GenerateRequest => {
    const prompt = group.prompts[place.prompt]!;
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
