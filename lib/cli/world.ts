import { join } from 'node:path';
import { contactSheet, type SheetKind } from '../curate/world/contact_sheet.ts';
import { worldReferences } from '../curate/world/references.ts';
import { type SampleKind, worldSamples } from '../curate/world/samples.ts';
import { writePicture } from '../image/encode.ts';
import { makeFolder } from '../make_folder.ts';
import { encodeSample } from '../shards/training_sample.ts';
import { writeSampleShards } from '../shards/write_shards.ts';
import { prepareFile, preparePictureFile } from './output.ts';
import { Progress } from './progress.ts';

/** The options of `stylear world sheet`. */
export interface SheetCommandOptions {
  /** A picture file by its end. */
  readonly output: string;
  /** Pixels a side of each picture. */
  readonly size?: number | undefined;
  readonly seed?: number | undefined;
  /** Print what each picture is, a line per row. */
  readonly captions?: boolean | undefined;
}

/**
 * `stylear world sheet styles -o sheet.png`: pictures of the picture world side by side.
 *
 * @returns the exit status
 */
export async function sheetCommand(
  kind: SheetKind,
  { output, captions = false, ...options }: SheetCommandOptions,
): Promise<number> {
  preparePictureFile(output);
  const { picture, captions: rows } = await contactSheet(kind, options);
  await writePicture(output, picture);
  if (captions) for (const row of rows) console.log(row.join(' | '));
  return 0;
}

/** The options of `stylear world samples`. */
export interface SamplesCommandOptions {
  /** A path without an extension. */
  readonly output: string;
  readonly count: number;
  readonly first: number;
  readonly size: number;
}

/**
 * `stylear world samples raw --count 20000 -o data/raw`: captioned pictures as shards for training.
 *
 * @returns the exit status
 */
export async function samplesCommand(
  kind: SampleKind,
  { output, ...options }: SamplesCommandOptions,
): Promise<number> {
  prepareFile(`${output}.index.json`);
  const progress = new Progress();
  async function* encoded() {
    let made = 0;
    for await (const sample of worldSamples(kind, options)) {
      progress.update(++made, options.count, `${kind} pictures`);
      yield encodeSample(sample);
    }
  }
  const { shards } = await writeSampleShards(output, encoded());
  progress.clear();
  console.log(`${output}.index.json: ${options.count} samples in ${shards.length} shards`);
  return 0;
}

/** The options of `stylear world references`. */
export interface ReferencesCommandOptions {
  /** A folder; what is in it stays. */
  readonly output: string;
  readonly size: number;
}

/**
 * `stylear world references -o models/tiny/references`: the references of the embedded model, each as
 * `NAME.png` and its subject alone as `NAME.subject.png`.
 *
 * @returns the exit status
 */
export async function referencesCommand({
  output,
  size,
}: ReferencesCommandOptions): Promise<number> {
  makeFolder(output);
  for await (const { name, caption, style, picture, subject } of worldReferences(size)) {
    await writePicture(join(output, `${name}.png`), picture);
    await writePicture(join(output, `${name}.subject.png`), subject);
    console.log(`${name}: ${caption}, ${style.family}`);
  }
  return 0;
}
