import { extname } from 'node:path';
import type { GenerateRequest } from '../generate/request.ts';
import { referencesOfWords, type StyleWords, sizeOfWords } from '../generate/request_words.ts';
import { writePicture } from '../image/encode.ts';
import { type DrawingOptions, openModel, StepTally } from './drawing.ts';
import { preparePictureFile } from './output.ts';
import { duration, Progress } from './progress.ts';

/** The options of `stylear generate`. */
export interface GenerateCommandOptions extends DrawingOptions, StyleWords {
  readonly prompt: string;
  readonly condition?: string | undefined;
  readonly output: string;
  readonly count?: number | undefined;
  readonly seed?: number | undefined;
  readonly size?: string | undefined;
  readonly guidance?: number | undefined;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  readonly minP?: number | undefined;
  readonly temperature?: number | undefined;
  readonly noise?: number | undefined;
  readonly styleStrength?: number | undefined;
  readonly preview?: boolean | undefined;
}

const words = { where: 'generate', mark: '--' } as const;

/**
 * `stylear generate`: draws pictures of one prompt in one style. With `--count` their files are numbered.
 *
 * @returns the exit status
 */
export async function generateCommand(options: GenerateCommandOptions): Promise<number> {
  const { output, count = 1, metadata = true } = options;
  const request: GenerateRequest = {
    prompt: options.prompt,
    style: referencesOfWords(options, words),
    condition: options.condition,
    count,
    seed: options.seed,
    size: options.size === undefined ? undefined : sizeOfWords(options.size, words),
    guidance: options.guidance,
    imageTopK: options.topK,
    topP: options.topP,
    minP: options.minP,
    temperature: options.temperature,
    noiseStrength: options.noise,
    styleStrength: options.styleStrength,
  };
  preparePictureFile(numbered(output, 0, count));
  await using stylear = await openModel(options);
  const progress = new Progress();
  const began = performance.now();
  /** Tokens of each picture that are decided. */
  const tokens = new Map<number, number>();
  let each = 0;
  const tally = new StepTally();
  for await (const event of stylear.generate(request, options)) {
    if (event.type === 'rows') {
      tokens.set(event.index, event.tokens);
      each = event.ofTokens;
      const done = [...tokens.values()].reduce((a, b) => a + b, 0);
      const rate = done / ((performance.now() - began) / 1000);
      const rows = `row ${event.rows} of ${event.of}`;
      progress.update(done, each * count, `${rows}, ${rate.toFixed(1)} tokens/s`);
      if (options.preview)
        await writePicture(numbered(output, event.index, count, '.preview'), await event.preview());
    } else if (event.type === 'image') {
      const { image } = event;
      tokens.set(image.index, each);
      tally.add(image.statistics);
      const path = numbered(output, image.index, count);
      await image.save(path, { metadata });
      const { seed, width, height } = image.facts;
      progress.say(`${path}  ${width} x ${height}, seed ${seed}`);
    }
  }
  progress.clear();
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${count === 1 ? '1 picture' : `${count} pictures`} in ${duration(seconds)}, ${tally}`,
  );
  return 0;
}

/** `out.png` as it is, or `out-3.png` where there are several. */
function numbered(path: string, index: number, count: number, mark = ''): string {
  const end = extname(path);
  const digits = `${count}`.length;
  const number = count === 1 ? '' : `-${`${index + 1}`.padStart(digits, '0')}`;
  return `${path.slice(0, path.length - end.length)}${number}${mark}${end}`;
}
