import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { StylearError } from '../error.ts';
import type { GenerateRequest, StyleReference } from '../generate/request.ts';
import { StyleAR } from '../generate/stylear.ts';
import { writePicture } from '../image/encode.ts';
import { duration, Progress } from './progress.ts';

/** What requests on the command line have in common. */
export interface DrawingOptions {
  readonly model?: string | undefined;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  readonly dtype?: 'f32' | 'bf16' | undefined;
  readonly batch?: number | undefined;
  readonly window?: number | undefined;
  readonly cacheGb?: number | undefined;
  readonly metadata?: boolean | undefined;
}

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
      const path = numbered(output, image.index, count);
      await image.save(path, { metadata });
      const { seed, width, height } = image.facts;
      progress.say(`${path}  ${width} x ${height}, seed ${seed}`);
    }
  }
  progress.clear();
  const seconds = (performance.now() - began) / 1000;
  console.log(`${count === 1 ? '1 picture' : `${count} pictures`} in ${duration(seconds)}`);
  return 0;
}

/** The model on the device that a command line names. */
export function openModel(options: DrawingOptions): Promise<StyleAR> {
  const { model = process.env.STYLEAR_MODEL, device, threads, dtype, cacheGb } = options;
  const cacheBytes = cacheGb === undefined ? undefined : positive('--cache-gb', cacheGb) * 1e9;
  return StyleAR.load(model ?? embeddedModel(), { device, threads, dtype, cacheBytes });
}

/** The model that ships with the package. */
function embeddedModel(): string {
  const folder = join(import.meta.dirname, '..', '..', 'models', 'tiny');
  if (existsSync(join(folder, 'stylear.json'))) return folder;
  throw new StylearError(
    'ERR_INPUT',
    'stylear: expected a model, got none. Name its folder with --model or STYLEAR_MODEL.',
  );
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

function positive(option: string, value: number): number {
  if (value > 0 && Number.isFinite(value)) return value;
  throw wrong(`${option} to be above 0`, `${value}`);
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
