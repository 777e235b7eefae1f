import type { Picture } from '../image/picture.ts';

/** What a styliser is asked for. */
export interface StyliseRequest<Style> {
  /** What the result must look like, in whatever form the styliser takes it. */
  readonly style: Style;
  /** What the result must show. */
  readonly prompt: string;
  /** The same request gives the same picture, as far as the styliser can promise it. */
  readonly seed: number;
  /** Pixels a side. */
  readonly size: number;
  /** Gives up when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the target pictures of curation from styles and prompts. The picture world is one, whose
 * styles are plain objects; one with folders of ready pairs takes the name of a pair's style, one
 * that calls a service takes a reference picture.
 */
export interface Styliser<Style> {
  /** For records of where a picture came from. */
  readonly name: string;
  /**
   * @returns a picture of mode RGB
   * @throws `ERR_INPUT` when it cannot make what the prompt or the style asks for
   */
  stylise(request: StyliseRequest<Style>): Promise<Picture>;
}
