import { existsSync, readdirSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { StylearError } from '../error.ts';
import { type StyleStatistics, styleDistance, styleStatistics } from '../evaluate/style_measure.ts';
import type { GeneratedImage } from '../generate/generated_image.ts';
import type { GenerateRequest } from '../generate/request.ts';
import type { StyleAR } from '../generate/stylear.ts';
import { onBackground } from '../image/background.ts';
import { decodePicture } from '../image/decode.ts';
import { encodePicture, writePicture } from '../image/encode.ts';
import { upright } from '../image/orientation.ts';
import type { Picture } from '../image/picture.ts';
import { fitted, pictureGrid } from '../image/picture_grid.ts';
import { embeddedModelFolder } from '../models/embedded_model.ts';
import { replaceFile } from '../replace_file.ts';
import { type DemoRow, demoPage } from './demo_page.ts';
import { type DrawingOptions, namedModel, openModel } from './drawing.ts';
import { prepareFile } from './output.ts';
import { duration, Progress } from './progress.ts';

/** The options of `stylear demo`. */
export interface DemoCommandOptions extends DrawingOptions {
  /** What to draw in each style; four things that the embedded model knows unless told. */
  readonly prompt?: readonly string[] | undefined;
  /** A folder. */
  readonly output: string;
  /** Of the first prompt, in every style; each prompt after it has the next one. */
  readonly seed: number;
}

/** Subjects that no shipped reference shows. */
const usualPrompts = ['a mushroom', 'a penguin', 'a horse', 'a butterfly'];

/** Pictures that are drawn at once: with and without their condition, 64 rows, see `TokenEngine`. */
const usualBatch = 32;

/** For keys and values of that many pictures of the embedded model. */
const usualCacheGb = 0.25;

/** Pixels of the larger side of a reference on the page. */
const pageSide = 192;

/** A picture that a style is taken from. */
interface Reference {
  readonly name: string;
  readonly file: string;
  /** Its subject cut out. */
  readonly subject: string | undefined;
  readonly picture: Picture;
}

/**
 * `stylear demo`: every prompt in the style of every reference, as `grid.png` and `index.html` in a
 * folder.
 *
 * @param pictures  references; those of the package where there are none. Where `NAME.subject.png`
 *                  stands beside a `NAME.png`, it is its subject cut out, which is not taken over
 * @returns         the exit status
 */
export async function demoCommand(
  pictures: readonly string[],
  options: DemoCommandOptions,
): Promise<number> {
  const { prompt: prompts = usualPrompts, output } = options;
  const references = await openReferences(pictures);
  const files = { grid: join(output, 'grid.png'), page: join(output, 'index.html') };
  for (const file of Object.values(files)) prepareFile(file);
  await using stylear = await openDemoModel(options);
  const began = performance.now();
  const images = await drawAll(stylear, references, prompts, options);
  const seconds = (performance.now() - began) / 1000;
  const rows = references.map((reference, row) => ({
    reference,
    results: images.slice(row * prompts.length, (row + 1) * prompts.length),
  }));
  await writePicture(files.grid, gridOf(rows));
  const { width, height } = images[0]!.picture;
  const made =
    `${images.length} pictures of ${width} x ${height} in ${duration(seconds)} on ` +
    stylear.device.name;
  const measured = rows.map(({ reference, results }) => ({
    reference: styleStatistics(fitted(reference.picture, Math.max(width, height))),
    results: results.map(({ picture }) => styleStatistics(picture)),
  }));
  const scores = measured.map(({ results }, row) =>
    results.map((result) =>
      styleScore(
        result,
        measured.map(({ reference }) => reference),
        row,
      ),
    ),
  );
  const closest = scores.flat().filter(({ isClosest }) => isClosest).length;
  const page = demoPage({
    prompts,
    rows: await Promise.all(rows.map((row, i) => pageRow(row, scores[i]!))),
    notes: [
      `${made}, by the model ${stylear.hash}.`,
      `Style distance compares palettes and textures, by statistics that nothing was trained for: ` +
        `0 is the same picture, 1 two styles at random. ${closest} of ${images.length} are closest ` +
        'to their own reference.',
    ],
  });
  await replaceFile(files.page, 'ERR_INPUT', (write) => write(Buffer.from(page)));
  console.log(`${made}\n${files.grid}\n${files.page}`);
  return 0;
}

async function openReferences(pictures: readonly string[]): Promise<Reference[]> {
  const files = pictures.length > 0 ? pictures : shippedReferences();
  // A wildcard names subjects too.
  const whole = files.filter((file) => !files.some((other) => subjectFileOf(other) === file));
  return Promise.all(
    whole.map(async (file) => {
      const subject = subjectFileOf(file);
      return {
        name: basename(file, extname(file)),
        file,
        subject: existsSync(subject) ? subject : undefined,
        picture: upright(onBackground(await decodePicture(file))),
      };
    }),
  );
}

/** `fox.subject.png` of `fox.png`. */
const subjectFileOf = (file: string): string =>
  `${file.slice(0, file.length - extname(file).length)}.subject.png`;

function shippedReferences(): string[] {
  const folder = join(embeddedModelFolder(), 'references');
  const files = existsSync(folder) ? readdirSync(folder).sort() : [];
  if (files.length > 0) return files.map((file) => join(folder, file));
  throw new StylearError(
    'ERR_INPUT',
    `${folder}: expected the references to be there, got none. Name pictures of your own.`,
  );
}

/** The embedded model has room for a whole batch at once; of others it is not known. */
function openDemoModel(options: DemoCommandOptions): Promise<StyleAR> {
  const isEmbedded = namedModel(options) === undefined;
  return openModel(isEmbedded ? { cacheGb: usualCacheGb, ...options } : options);
}

/** Every prompt for the first reference, then for the next one. */
async function drawAll(
  stylear: StyleAR,
  references: readonly Reference[],
  prompts: readonly string[],
  options: DemoCommandOptions,
): Promise<GeneratedImage[]> {
  const { targetSize: side } = stylear.config.defaults;
  const requests: GenerateRequest[] = [];
  for (const { file: picture, subject } of references) {
    const style = await stylear.encodeStyle({ picture, subject });
    prompts.forEach((prompt, i) => {
      requests.push({ prompt, style, seed: options.seed + i, size: { width: side, height: side } });
    });
  }
  const progress = new Progress();
  const images: GeneratedImage[] = [];
  /** The share of each picture that is drawn. */
  const shares = requests.map(() => 0);
  for await (const event of stylear.generate(requests, { batch: usualBatch, ...options })) {
    if (event.type === 'rows') shares[event.request] = event.tokens / event.ofTokens;
    else if (event.type === 'image') {
      images[event.image.request] = event.image;
      shares[event.image.request] = 1;
    } else continue;
    const done = shares.reduce((a, b) => a + b, 0);
    progress.update(done, requests.length, `${Math.floor(done)} of ${requests.length} pictures`);
  }
  progress.clear();
  return images;
}

interface ReferenceRow {
  readonly reference: Reference;
  readonly results: readonly GeneratedImage[];
}

/** A reference at the left, and its results, as large as these are. */
function gridOf(rows: readonly ReferenceRow[]): Picture {
  return pictureGrid(
    rows.map(({ reference, results }) => {
      const drawn = results.map(({ picture }) => picture);
      const side = Math.max(...drawn.map(({ width, height }) => Math.max(width, height)));
      return [fitted(reference.picture, side), ...drawn];
    }),
  );
}

interface StyleScore {
  /** To its own reference. */
  readonly distance: number;
  /** Whether no other reference is closer. */
  readonly isClosest: boolean;
}

function styleScore(
  result: StyleStatistics,
  references: readonly StyleStatistics[],
  own: number,
): StyleScore {
  const distances = references.map((reference) => styleDistance(result, reference));
  return { distance: distances[own]!, isClosest: Math.min(...distances) === distances[own] };
}

async function pageRow(
  { reference: { name, picture }, results }: ReferenceRow,
  scores: readonly StyleScore[],
): Promise<DemoRow> {
  const drawn = results.map(async (image, i) => {
    const { distance, isClosest } = scores[i]!;
    const words = `style distance ${distance.toFixed(2)}${isClosest ? '' : ', another is closer'}`;
    return { png: await image.encode(), scores: `${words}; seed ${image.facts.seed}` };
  });
  return {
    name,
    png: await encodePicture(fitted(picture, pageSide)),
    results: await Promise.all(drawn),
  };
}
