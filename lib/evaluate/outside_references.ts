// The protocol of the paper: pictures of one's own whose style is taken, by prompts of one's own.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ClipEmbedder } from '../curate/clip_embedder.ts';
import { decodePicture } from '../image/decode.ts';
import type { Picture } from '../image/picture.ts';
import type { EvaluateConfig } from './config.ts';
import { type PictureFolder, type PictureGroup, placesOfGroup } from './draw_pictures.ts';
import { JudgedReferences, type MeasuredPicture, outsideFigures } from './outside_measures.ts';
import { placesOf, seedOf } from './protocol.ts';
import type { ReferenceRow, Sheet } from './report.ts';
import { resultSheet } from './sheets.ts';
import { type ModelVariant, shownReference, yardsticks } from './variants.ts';

interface OutsideReference {
  /** What the report calls it. */
  readonly name: string;
  /** Of its file. */
  readonly hash: string;
  readonly reference: Picture;
}

/** Pictures that are decoded and measured at once. */
const part = 32;

/** References from outside, what is drawn in their styles, and how it is judged. */
export class OutsideReferences {
  /** One for each variant. */
  readonly groups: readonly PictureGroup[];
  private readonly references: readonly OutsideReference[];
  private readonly prompts: readonly string[];
  private readonly judged: JudgedReferences;

  private constructor(
    groups: readonly PictureGroup[],
    references: readonly OutsideReference[],
    prompts: readonly string[],
    judged: JudgedReferences,
  ) {
    this.groups = groups;
    this.references = references;
    this.prompts = prompts;
    this.judged = judged;
  }

  /**
   * Rejects with `ERR_INPUT` where a picture cannot be read.
   *
   * @param worldPrompts  those of the picture world, which are taken where the config has none of its own
   */
  static async open(
    { references: paths, referencePrompts, referenceSeeds: seeds, variants }: EvaluateConfig,
    worldPrompts: readonly string[],
    clip: ClipEmbedder | undefined,
  ): Promise<OutsideReferences> {
    const references: OutsideReference[] = [];
    for (const path of paths) {
      const reference = await decodePicture(path);
      references.push({ name: nameOf(path, paths), hash: hashOf(readFileSync(path)), reference });
    }
    const prompts =
      typeof referencePrompts === 'number'
        ? worldPrompts.slice(0, referencePrompts)
        : referencePrompts;
    const groups = outsideVariants(variants, paths.length).map((variant): PictureGroup => {
      const fileOf = fileNames(variant, references, prompts);
      return { variant, styles: references, prompts, seeds, fileOf };
    });
    const pictures = references.map(({ reference }) => reference);
    const judged = await JudgedReferences.of(pictures, prompts, clip);
    return new OutsideReferences(groups, references, prompts, judged);
  }

  /** What mere copies of the references come to. */
  judgeCopies(): ReferenceRow[] {
    const places = placesOf(this.references.length, this.prompts.length, 1);
    return this.rowsOf(undefined, yardsticks[0], this.judged.measureCopies(places));
  }

  /** Judges the pictures of a model, all of which are in the folder. */
  async judge(
    model: string,
    pictures: PictureFolder,
    group: PictureGroup,
    signal?: AbortSignal,
  ): Promise<{ rows: ReferenceRow[]; sheet: Sheet }> {
    const places = placesOfGroup(group);
    const measured: MeasuredPicture[] = [];
    for (let at = 0; at < places.length; at += part) {
      signal?.throwIfAborted();
      const some = places.slice(at, at + part);
      const drawn: Picture[] = [];
      for (const place of some) drawn.push(await decodePicture(pictures.pathOf(group, place)));
      measured.push(...(await this.judged.measure(some, drawn)));
    }
    const sheet = await resultSheet(
      `${model}, ${group.variant}, pictures from outside`,
      this.references,
      this.prompts,
      (style, prompt) => decodePicture(pictures.pathOf(group, { style, prompt, seed: 0 })),
    );
    return { rows: this.rowsOf(model, group.variant, measured), sheet };
  }

  /** Of all references, where there are several, and of each. */
  private rowsOf(
    model: string | undefined,
    variant: string,
    measured: readonly MeasuredPicture[],
  ): ReferenceRow[] {
    const each = this.references.map(({ name }, style): ReferenceRow => {
      const own = measured.filter(({ place }) => place.style === style);
      return { model, variant, reference: name, figures: outsideFigures(own, 'prompt') };
    });
    if (each.length === 1) return each;
    const figures = outsideFigures(measured, 'style');
    return [{ model, variant, reference: undefined, figures }, ...each];
  }
}

/** Yardsticks that need to know nothing of a reference; a single one cannot be shuffled. */
const outsideVariants = (asked: readonly ModelVariant[], references: number): ModelVariant[] => [
  'full',
  ...asked.filter(
    (variant) =>
      variant === 'without style tokens' || (variant === 'shuffled reference' && references > 1),
  ),
];

/** The name of a file, behind that of its folder where another one is called the same. */
function nameOf(path: string, paths: readonly string[]): string {
  const name = basename(path);
  const alone = paths.filter((other) => basename(other) === name).length === 1;
  return alone ? name : join(basename(dirname(path)), name);
}

/**
 * Names that change with whatever a picture is made of, so that one of another reference or prompt is
 * never taken for it, and prompts may be added.
 */
function fileNames(
  variant: ModelVariant,
  references: readonly OutsideReference[],
  prompts: readonly string[],
): PictureGroup['fileOf'] {
  return (place) => {
    const { style, prompt, seed } = place;
    const shown = shownReference(variant, style, references.length);
    const reference = shown === undefined ? '' : references[shown]!.hash;
    const made = hashOf(JSON.stringify([reference, prompts[prompt], seedOf(place)]));
    return join('outside', `reference-${style}-prompt-${prompt}-${seed}-${made.slice(0, 16)}.png`);
  };
}

const hashOf = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex');
