import { extname } from 'node:path';
import { StylearError } from '../error.ts';
import type { GenerateRequest, StyleReference } from '../generate/request.ts';
import { writePicture } from '../image/encode.ts';
import { type DrawingOptions, openModel, StepTally } from './drawing.ts';
import { duration, Progress } from './progress.ts';

export interface GenerateCommandOptions extends DrawingOptions {
  readonly prompt: string;
  readonly style?: string | undefined;
  readonly mix?: string | undefined;
  readonly subject?: string | undefined;
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

/**
 * `stylear generate`: draws pictures of one prompt in one style. With `--count` their files are numbered.
 *
 * @returns the exit status
 */
export async function generateCommand(options: GenerateCommandOptions): Promise<number> {
  const { output, count = 1, metadata = true } = options;
  const request: GenerateRequest = {
    prompt: options.prompt,
    style: styleOf(options),
    condition: options.condition,
    count,
    seed: options.seed,
    size: options.size === undefined ? undefined : parseSize(options.size),
    guidance: options.guidance,
    imageTopK: options.topK,
    topP: options.topP,
    minP: options.minP,
    temperature: options.temperature,
    noiseStrength: options.noise,
    styleStrength: options.styleStrength,
  };
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

function styleOf({ style, mix, subject }: GenerateCommandOptions): GenerateRequest['style'] {
  if (mix !== undefined) {
    if (style !== undefined) throw wrong('one of --style and --mix', 'both');
    if (subject !== undefined) throw wrong('--subject beside --style', 'it beside --mix');
    return mix.split(',').map(reference);
  }
  if (style === undefined) {
    if (subject !== undefined) throw wrong('--style beside --subject', 'none');
    return undefined;
  }
  return { picture: style, subject };
}

/** `path:weight`, or a path alone. */
function reference(part: string): StyleReference {
  const [, picture = part, weight] = /^(.*):([\d.]+)$/.exec(part) ?? [];
  if (picture === '') throw wrong('--mix as a.png:0.7,b.png:0.3', `'${part}'`);
  return { picture, weight: weight === undefined ? 1 : Number(weight) };
}

export function parseSize(text: string): { width: number; height: number } {
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(text);
  if (!match) throw wrong('--size as WIDTHxHEIGHT, such as 768x768', `'${text}'`);
  return { width: Number(match[1]), height: Number(match[2]) };
}

/** `out.png` as it is, or `out-3.png` where there are several. */
function numbered(path: string, index: number, count: number, mark = ''): string {
  const end = extname(path);
  const digits = `${count}`.length;
  const number = count === 1 ? '' : `-${`${index + 1}`.padStart(digits, '0')}`;
  return `${path.slice(0, path.length - end.length)}${number}${mark}${end}`;
}

const wrong = (expected: string, got: string): StylearError =>
  new StylearError('ERR_INPUT', `generate: expected ${expected}, got ${got}`);
