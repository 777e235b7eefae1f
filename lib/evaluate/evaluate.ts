import { join } from 'node:path';
import { ClipEmbedder } from '../curate/clip_embedder.ts';
import { takeLock } from '../file_lock.ts';
import { StyleAR } from '../generate/stylear.ts';
import { decodePicture } from '../image/decode.ts';
import type { Picture } from '../image/picture.ts';
import { makeFolder } from '../make_folder.ts';
import { readStyleARConfig } from '../models/config/stylear.ts';
import { replaceFile } from '../replace_file.ts';
import type { Device } from '../tensor/device.ts';
import { fingerprint } from '../weights/fingerprint.ts';
import { heldOutPictures } from './classifier_examples.ts';
import type { EvaluateConfig } from './config.ts';
import { drawPictures, PictureFolder, type PictureGroup, placesOfGroup } from './draw_pictures.ts';
import { JudgedSplit, type Judges } from './measures.ts';
import { OutsideReferences } from './outside_references.ts';
import {
  drawnByWorld,
  type EvaluatedPrompt,
  type EvaluatedSplit,
  type EvaluatedStyle,
  evaluatedPrompts,
  evaluatedStyles,
  type Place,
  placesOf,
} from './protocol.ts';
import { psnr, reconstructed, ssim } from './reconstruction.ts';
import {
  type EvaluatedRow,
  type EvaluationResult,
  evaluationPage,
  type ReconstructionRow,
  type ReferenceRow,
  type Sheet,
} from './report.ts';
import { resultSheet, sheetOf } from './sheets.ts';
import {
  type OpenedClassifier,
  openClassifier,
  type SubjectClassifier,
} from './subject_classifier.ts';
import { trainClassifier } from './train_classifier.ts';
import { shownReference, yardsticks } from './variants.ts';

/** How an evaluation is stopped and watched. */
export interface EvaluateOptions {
  /** Ends the evaluation, which rejects with its reason; the next one goes on with what is there. */
  readonly signal?: AbortSignal | undefined;
  /** @param stage  in words */
  readonly onProgress?: ((stage: string, done: number, total: number) => void) | undefined;
}

/** The files of a report. */
export const reportFiles = (output: string) => ({
  page: join(output, 'report.html'),
  json: join(output, 'report.json'),
});

/**
 * Evaluates models: draws what their folder of pictures lacks, judges all of it, and writes
 * `report.html` and `report.json`. A run that was stopped goes on with the pictures that are there.
 *
 * Rejects with the signal's reason when it is aborted, with `ERR_INPUT` where the folder has pictures of
 * other models or another run is at it, and at once where a file that the config names is not what it must be.
 */
export async function evaluate(
  config: EvaluateConfig,
  device: Device,
  options: EvaluateOptions = {},
): Promise<EvaluationResult> {
  const { signal } = options;
  await requireInputs(config);
  makeFolder(config.output);
  using _lock = takeLock(join(config.output, 'lock'), 'the evaluation');
  using clip = config.clip === undefined ? undefined : ClipEmbedder.open(config.clip, device);
  using opened = await trainedClassifier(config, device, options);
  const judges = { classifier: opened?.classifier, clip };
  const evaluation = await Evaluation.begin(config, device, judges, options);
  await evaluation.judgeYardsticks();
  for (const [name, folder] of Object.entries(config.models)) {
    signal?.throwIfAborted();
    await evaluation.judgeModel(name, folder);
  }
  return await evaluation.write();
}

/** What would otherwise be found wrong when it is come to, which may be hours later. */
async function requireInputs(config: EvaluateConfig): Promise<void> {
  for (const [name, folder] of Object.entries(config.models)) {
    readStyleARConfig(folder);
    PictureFolder.requireProtocol(picturesOf(config, name), protocolOf(config));
  }
  for (const reference of config.references) await decodePicture(reference);
}

/** The classifier, trained when it is not there; undefined where nothing is of the picture world. */
async function trainedClassifier(
  { splits, classifier, size }: EvaluateConfig,
  device: Device,
  { signal, onProgress }: EvaluateOptions,
): Promise<OpenedClassifier | undefined> {
  if (splits.length === 0 || classifier === undefined) return undefined;
  await trainClassifier({ ...classifier, size }, device, {
    signal,
    onStep: ({ step }, total) => onProgress?.('steps of the classifier', step, total),
  });
  signal?.throwIfAborted();
  return openClassifier(classifier.weights, device);
}

const picturesOf = ({ output }: EvaluateConfig, model: string): string =>
  join(output, 'pictures', model);

/** How a model is asked: pictures of another protocol have other styles and prompts. */
const protocolOf = ({ size, styles, prompts }: EvaluateConfig): object => {
  return { size, styles, prompts };
};

/** A split with what judges know of it. */
interface Part {
  readonly split: EvaluatedSplit;
  readonly styles: readonly EvaluatedStyle[];
  readonly judged: JudgedSplit;
}

/** Styles that the sheet of another variant than the full one has rows for. */
const shownOfOthers = 4;

/** What comes together for a report. */
class Evaluation {
  private readonly config: EvaluateConfig;
  private readonly device: Device;
  /** There where there are parts. */
  private readonly classifier: SubjectClassifier | undefined;
  private readonly options: EvaluateOptions;
  private readonly prompts: readonly EvaluatedPrompt[];
  private readonly parts: readonly Part[];
  private readonly outside: OutsideReferences | undefined;
  private readonly models: Record<string, string> = {};
  private readonly rows: EvaluatedRow[] = [];
  private readonly reconstructions: ReconstructionRow[] = [];
  private readonly references: ReferenceRow[] = [];
  private readonly sheets: Sheet[] = [];

  private constructor(
    config: EvaluateConfig,
    device: Device,
    classifier: SubjectClassifier | undefined,
    options: EvaluateOptions,
    prompts: readonly EvaluatedPrompt[],
    parts: readonly Part[],
    outside: OutsideReferences | undefined,
  ) {
    this.config = config;
    this.device = device;
    this.classifier = classifier;
    this.options = options;
    this.prompts = prompts;
    this.parts = parts;
    this.outside = outside;
  }

  static async begin(
    config: EvaluateConfig,
    device: Device,
    { clip, classifier }: Pick<Judges, 'clip'> & { classifier: SubjectClassifier | undefined },
    options: EvaluateOptions,
  ): Promise<Evaluation> {
    const prompts = evaluatedPrompts(config);
    const parts: Part[] = [];
    if (classifier) {
      for (const split of config.splits) {
        const styles = await evaluatedStyles(split, config);
        const judged = await JudgedSplit.of(styles, prompts, { classifier, clip });
        parts.push({ split, styles, judged });
      }
    }
    const outside =
      config.references.length > 0
        ? await OutsideReferences.open(config, textsOf(prompts), clip)
        : undefined;
    return new Evaluation(config, device, classifier, options, prompts, parts, outside);
  }

  /** What no model drew. */
  async judgeYardsticks(): Promise<void> {
    const { size, yardstickSeeds } = this.config;
    const [copy, world] = yardsticks;
    for (const { split, styles, judged } of this.parts) {
      const add = (variant: string, figures: EvaluatedRow['figures']) =>
        this.rows.push({ split, model: undefined, variant, figures });
      const once = placesOf(styles.length, this.prompts.length, 1);
      const copies = once.map(({ style }) => styles[style]!.reference);
      add(copy, await judged.measure(once, copies));
      const places = placesOf(styles.length, this.prompts.length, yardstickSeeds);
      const drawn: Picture[] = [];
      for (const place of places) {
        this.options.signal?.throwIfAborted();
        const prompt = this.prompts[place.prompt]!;
        drawn.push(await drawnByWorld(styles[place.style]!, prompt, place, size));
        this.options.onProgress?.(`world drawings, ${split}`, drawn.length, places.length);
      }
      add(world, await judged.measure(places, drawn));
      await this.show(`${world}, ${split}`, styles, drawn);
    }
    if (this.outside) this.references.push(...this.outside.judgeCopies());
  }

  async judgeModel(name: string, folder: string): Promise<void> {
    const { config, device } = this;
    const cacheBytes = config.cacheGb * 1e9;
    await using stylear = await StyleAR.load(folder, { device, cacheBytes });
    this.models[name] = stylear.hash;
    const pictures = await this.folderOf(name, stylear);
    const prompts = textsOf(this.prompts);
    const groups = config.variants.flatMap((variant) =>
      this.parts.map(({ split, styles }): PictureGroup => {
        const seeds = variant === 'full' ? config.seeds : config.yardstickSeeds;
        return { variant, styles, prompts, seeds, fileOf: (place) => fileOfSplit(split, place) };
      }),
    );
    const outside = this.outside?.groups ?? [];
    const all = [...groups, ...outside];
    await drawPictures(stylear, pictures, all, {
      ...config,
      signal: this.options.signal,
      onPicture: (done, total) => this.options.onProgress?.(`pictures of ${name}`, done, total),
    });
    for (const [i, group] of all.entries()) {
      if (outside.includes(group)) await this.judgeOutside(name, pictures, group);
      else await this.judgeGroup(name, pictures, group);
      this.options.onProgress?.(`figures of ${name}`, i + 1, all.length);
    }
    await this.judgeVqgan(name, stylear);
  }

  async write(): Promise<EvaluationResult> {
    const { models, reconstructions, references, sheets, config } = this;
    const order = (row: EvaluatedRow) => config.splits.indexOf(row.split as EvaluatedSplit);
    const rows = [...this.rows].sort((a, b) => order(a) - order(b));
    const clip = config.clip && fingerprint([config.clip]);
    const result = { models, clip, rows, reconstructions, references };
    const files = reportFiles(config.output);
    const json = `${JSON.stringify({ config, ...result }, undefined, 2)}\n`;
    for (const [file, text] of [
      [files.json, json],
      [files.page, evaluationPage(result, sheets)],
    ] as const)
      await replaceFile(file, 'ERR_INPUT', (append) => append(Buffer.from(text)));
    return result;
  }

  private folderOf(name: string, stylear: StyleAR): Promise<PictureFolder> {
    const { config } = this;
    return PictureFolder.open(picturesOf(config, name), stylear, protocolOf(config));
  }

  private async judgeGroup(
    model: string,
    pictures: PictureFolder,
    group: PictureGroup,
  ): Promise<void> {
    const { split, styles, judged } = this.parts.find(({ styles }) => styles === group.styles)!;
    const places = placesOfGroup(group);
    const drawn: Picture[] = [];
    for (const place of places) drawn.push(await decodePicture(pictures.pathOf(group, place)));
    const figures = await judged.measure(places, drawn, (style) =>
      shownReference(group.variant, style, styles.length),
    );
    this.rows.push({ split, model, variant: group.variant, figures });
    const shown = group.variant === 'full' ? styles : styles.slice(0, shownOfOthers);
    await this.show(`${model}, ${group.variant}, ${split}`, shown, drawn);
  }

  /** @param drawn  in the order of `placesOf`: those of the first seed come first */
  private async show(
    title: string,
    styles: readonly EvaluatedStyle[],
    drawn: readonly Picture[],
  ): Promise<void> {
    const first = (style: number, prompt: number) => drawn[style * this.prompts.length + prompt]!;
    const named = styles.map(({ style, subject, reference }) => {
      return { name: `${style.family} (${subject})`, reference };
    });
    this.sheets.push(await resultSheet(title, named, textsOf(this.prompts), first));
  }

  private async judgeVqgan(model: string, stylear: StyleAR): Promise<void> {
    const { config, classifier } = this;
    const { reconstructions: count, size } = config;
    if (count === 0 || !classifier) return;
    for (const kind of ['raw', 'stylised'] as const) {
      const labelled = await heldOutPictures(kind, count, size);
      const before = labelled.map(({ picture }) => picture);
      const after = await reconstructed(stylear.preparation.model.vqgan, before);
      const rightOf = async (pictures: readonly Picture[]) => {
        const named = await classifier.classify(pictures);
        return mean(named.map((subject, i) => Number(subject === labelled[i]!.subject)));
      };
      this.reconstructions.push({
        model,
        kind,
        pictures: count,
        psnr: mean(before.map((picture, i) => psnr(picture, after[i]!))),
        ssim: mean(before.map((picture, i) => ssim(picture, after[i]!))),
        namedBefore: await rightOf(before),
        namedAfter: await rightOf(after),
      });
      const [above, below] = [before.slice(0, 10), after.slice(0, 10)];
      const more = [before.slice(10, 20), after.slice(10, 20)].filter((row) => row.length > 0);
      const title = `VQGAN of ${model}, ${kind} drawings`;
      const caption = 'Each drawing above what the VQGAN gives back of it.';
      this.sheets.push(await sheetOf(title, caption, [above, below, ...more]));
    }
  }

  private async judgeOutside(
    model: string,
    pictures: PictureFolder,
    group: PictureGroup,
  ): Promise<void> {
    const { rows, sheet } = await this.outside!.judge(model, pictures, group, this.options.signal);
    this.references.push(...rows);
    this.sheets.push(sheet);
  }
}

const textsOf = (prompts: readonly EvaluatedPrompt[]): string[] =>
  prompts.map(({ prompt }) => prompt);

const fileOfSplit = (split: EvaluatedSplit, { style, prompt, seed }: Place): string =>
  join(split, `style-${style}-prompt-${prompt}-${seed}.png`);

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
