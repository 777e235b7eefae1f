import { isUint8Array } from 'node:util/types';
import * as z from 'zod';
import type { Picture } from '../image/picture.ts';
import { bounded, requireParsed, whole } from './checked.ts';
import { StyleHandle } from './style_handle.ts';

/** A picture: a path, the bytes of a file, or one in memory. */
export type PictureSource = string | Uint8Array | Picture;

/** A reference picture, and what of it is not to be taken over. */
export interface StyleReference {
  /** Or the path of a style that was saved, `.style`. */
  readonly picture: PictureSource;
  /** Its subject, cut out: the rest transparent, or white; the reference's framing. */
  readonly subject?: PictureSource | undefined;
  /** Of several references, how much this one counts; 1 unless told. They are divided by their sum. */
  readonly weight?: number | undefined;
}

/** What styles a picture: encoded before, one reference, or several that are mixed. */
export type Style = StyleHandle | PictureSource | StyleReference | readonly StyleReference[];

/** How pictures are drawn, where the model's own defaults are not wanted. */
export interface GenerateSettings {
  /**
   * Pixels, multiples of the grid unit, 32, and no more than sequences of the model have room for. Without
   * it the model chooses among its sizes where there is a style, and else draws its square.
   */
  readonly size?: { readonly width: number; readonly height: number } | undefined;
  /** How much the prompt and the style are stressed, `u + guidance (c - u)`, 1 or more; 1 is not. */
  readonly guidance?: number | undefined;
  /** Codes to draw from, 0 for all. */
  readonly imageTopK?: number | undefined;
  /** In (0, 1]; 1 unless told. */
  readonly topP?: number | undefined;
  /** In [0, 1); 0 unless told. */
  readonly minP?: number | undefined;
  /** 0 takes the most likely code. */
  readonly temperature?: number | undefined;
  /**
   * Of the noise on style tokens, 0 or more: more keeps the reference's things out, and its style. The
   * model has one default for requests with a condition and one for those without.
   */
  readonly noiseStrength?: number | undefined;
  /** From 0, no style, to 1, which is the default; more than that exaggerates. */
  readonly styleStrength?: number | undefined;
}

/** A picture that is wanted. */
export interface GenerateRequest extends GenerateSettings {
  readonly prompt: string;
  readonly style?: Style | undefined;
  /**
   * A picture that guides the layout, beside a style: a depth map or a segmentation, for models that read
   * these.
   */
  readonly condition?: PictureSource | undefined;
  /** A whole number from 0; drawn at random unless told. With `count` it is that of the first. */
  readonly seed?: number | undefined;
  /** Pictures of this request, with seeds one after another; 1 unless told. */
  readonly count?: number | undefined;
  /**
   * Requests of higher priority are taken up first, also before those of other calls that wait for room;
   * 0 unless told. Of a source that is read as it goes, that is among those which were read ahead.
   */
  readonly priority?: number | undefined;
  /** Drops this request: it fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const side = whole(1, 2 ** 14);

/** The numbers of a request by their ranges. */
export const numberSchemas = {
  seed: whole(0, Number.MAX_SAFE_INTEGER).optional(),
  count: whole(1, 100_000).optional(),
  priority: bounded(-1e9, 1e9).optional(),
  guidance: bounded(1, 1000).optional(),
  imageTopK: whole(0, 2 ** 22).optional(),
  topP: bounded(1e-6, 1, 'a number above 0, at most 1').optional(),
  minP: bounded(0, 0.999_999, 'a number from 0, below 1').optional(),
  temperature: bounded(0, 1000).optional(),
  noiseStrength: bounded(0, 1000).optional(),
  styleStrength: bounded(0, 10).optional(),
};

const pictureWords = 'a path, the bytes of a file or a picture in memory';
const pictureSource = z.custom<PictureSource>(isPictureSource, { error: pictureWords });
const reference = z.object(
  {
    picture: pictureSource,
    subject: pictureSource.optional(),
    weight: bounded(0, Number.MAX_VALUE, 'a number from 0').optional(),
  },
  { error: 'a reference, an object with its picture' },
);
const styleWords = `a StyleHandle, ${pictureWords}, a reference, or an array of references`;
/** What is looked at before anything is read; pictures are when they are decoded. */
const styleSchema = z.custom<Style>(isStyleShaped, { error: styleWords });
const referencesSchema = z.array(reference).min(1, { error: 'at least one reference' });

/** The options of a request; pictures are looked at when they are decoded. */
const schema = z
  .object(
    {
      prompt: z.string({ error: 'a string' }),
      size: z.object({ width: side, height: side }, { error: 'a width and a height' }).optional(),
      style: styleSchema.optional(),
      condition: pictureSource.optional(),
      signal: z.instanceof(AbortSignal, { error: 'an AbortSignal' }).optional(),
      ...numberSchemas,
    },
    { error: 'an object' },
  )
  .refine(({ seed = 0, count = 1 }) => seed <= Number.MAX_SAFE_INTEGER - (count - 1), {
    path: ['seed'],
    error: `at most ${Number.MAX_SAFE_INTEGER} with the last of count pictures`,
  });

/**
 * Throws `ERR_INPUT` naming the option that is out of its range.
 *
 * @param where  what the caller calls the request, for the error
 * @returns      a copy, which later changes of the request leave as it is
 */
export function checkRequest(request: GenerateRequest, where = 'generate'): GenerateRequest {
  const copy = requireParsed(schema, request, where, 'the request');
  if (copy.style !== undefined) checkStyle(copy.style, where);
  return copy;
}

/** Throws `ERR_INPUT` where a style is none, before any of its pictures is read. */
export function checkStyle(style: Style, where = 'generate'): void {
  requireParsed(styleSchema, style, where, 'style');
  if (Array.isArray(style)) requireParsed(referencesSchema, style, where, 'style', 'style.');
  else if (!(style instanceof StyleHandle || isPictureSource(style)))
    requireParsed(reference, style, where, 'style', 'style.');
}

/** Whether it can be a style; its references are looked at apart. */
function isStyleShaped(style: unknown): boolean {
  if (style instanceof StyleHandle || Array.isArray(style) || isPictureSource(style)) return true;
  return typeof style === 'object' && style !== null && 'picture' in style;
}

function isPictureSource(source: unknown): source is PictureSource {
  return typeof source === 'string' || isUint8Array(source) || isPicture(source);
}

/** The references of a style; undefined when it is encoded already. */
export function referencesOf(style: Exclude<Style, StyleHandle>): readonly StyleReference[] {
  if (Array.isArray(style)) return style as readonly StyleReference[];
  if (typeof style === 'string' || isUint8Array(style) || isPicture(style))
    return [{ picture: style }];
  return [style as StyleReference];
}

/** Whether a source is the path of a style that was saved, see `StyleHandle.save`. */
export const isStyleFile = (source: PictureSource): source is string =>
  typeof source === 'string' && /\.style$/i.test(source);

/** Whether a source is a picture in memory. */
export function isPicture(source: unknown): source is Picture {
  return typeof source === 'object' && source !== null && 'pixels' in source && 'mode' in source;
}
