import type { Outline } from './outline.ts';

/** The side of the canvas that pictures are drawn on, in its own units. */
export const canvas = 128;

/** A drawing of the picture world, made by its own generator alone. */
export class Svg {
  readonly #definitions: string[] = [];
  readonly #body: string[] = [];
  #ids = 0;

  /** Adds an element on top. */
  add(...elements: readonly string[]): this {
    this.#body.push(...elements);
    return this;
  }

  /**
   * Defines a gradient, a pattern, a filter or a clip.
   *
   * @param element  given the id it must carry
   * @returns `url(#id)`
   */
  define(element: (id: string) => string): string {
    const id = `d${this.#ids++}`;
    this.#definitions.push(element(id));
    return `url(#${id})`;
  }

  /** The whole document, `size` pixels a side. */
  text(size: number): string {
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" ` +
      `viewBox="0 0 ${canvas} ${canvas}"><defs>${this.#definitions.join('')}</defs>` +
      `${this.#body.join('')}</svg>`
    );
  }
}

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** `<name key="value">content</name>`; undefined attributes are left out, numbers rounded. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? short(value) : value}"`)
    .join('');
  return content ? `<${name}${written}>${content}</${name}>` : `<${name}${written}/>`;
}

/** A closed path along outlines, filled as the attributes say. */
export const path = (outlines: readonly Outline[], attributes: Attributes): string =>
  element('path', { d: outlines.map(pathData).join(''), ...attributes });

/** Elements with attributes that they share. */
export const group = (attributes: Attributes, elements: readonly string[]): string =>
  element('g', attributes, elements.join(''));

/** The whole canvas in one paint. */
export const sheet = (fill: string, attributes: Attributes = {}): string =>
  element('rect', { x: -8, y: -8, width: canvas + 16, height: canvas + 16, fill, ...attributes });

/** A closed outline as the value of `d`. */
export const pathData = (outline: Outline): string =>
  `M${outline.map(([x, y]) => `${short(x)} ${short(y)}`).join('L')}Z`;

/** A number with two decimals at most: what a picture of 128 pixels can show. */
export const short = (value: number): string => `${Math.round(value * 100) / 100}`;
