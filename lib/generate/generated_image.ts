import { type EncodeOptions, encodePicture, writePicture } from '../image/encode.ts';
import type { Picture } from '../image/picture.ts';
import type { AnswerStatistics } from './answer.ts';

/** What a picture was made of, as its file says. */
export interface ImageFacts {
  readonly prompt: string;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  /** Guidance, top-k and so on, with defaults filled in. */
  readonly settings: Readonly<Record<string, number>>;
  /** Names the weights: the same for the same model. */
  readonly model: string;
}

/** A picture that was drawn. */
export class GeneratedImage {
  /** Which request it belongs to, in the order in which they were given. */
  readonly request: number;
  /** Which of the request's pictures it is. */
  readonly index: number;
  readonly picture: Picture;
  readonly facts: ImageFacts;
  /** All tokens, from the image start to its end. */
  readonly tokens: readonly number[];
  readonly statistics: Readonly<AnswerStatistics>;

  constructor(image: Omit<GeneratedImage, 'encode' | 'save'>) {
    this.request = image.request;
    this.index = image.index;
    this.picture = image.picture;
    this.facts = image.facts;
    this.tokens = image.tokens;
    this.statistics = image.statistics;
  }

  /**
   * The bytes of a file.
   *
   * @param metadata  whether a PNG says how it was made; true unless told
   */
  encode({ metadata = true, ...options }: SaveOptions = {}): Promise<Buffer> {
    const isPng = (options.format ?? 'png') === 'png';
    return encodePicture(this.picture, { ...options, ...(metadata && isPng ? this.text() : {}) });
  }

  /**
   * Writes a file: whatever interrupts it, the path has the old content or the new.
   *
   * @param path  its end says the format: `.png`, `.jpg`, `.webp` or `.avif`
   */
  save(path: string, { metadata = true, ...options }: SaveOptions = {}): Promise<void> {
    const isPng = options.format === 'png' || (!options.format && /\.png$/i.test(path));
    return writePicture(path, this.picture, {
      ...options,
      ...(metadata && isPng ? this.text() : {}),
    });
  }

  private text(): Pick<EncodeOptions, 'text'> {
    const { prompt, seed, model, settings, width, height } = this.facts;
    return {
      text: {
        Software: 'stylear',
        prompt,
        seed: `${seed}`,
        model,
        settings: JSON.stringify({ width, height, ...settings }),
      },
    };
  }
}

export interface SaveOptions extends Omit<EncodeOptions, 'text'> {
  readonly metadata?: boolean;
}
