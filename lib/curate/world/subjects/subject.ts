import type { Draw, NaturalColours } from '../drawing.ts';
import type { SceneName } from '../scenes/scene.ts';

/** A thing that pictures show. */
export interface Subject {
  /** One word or two, lower case, without an article: `hot air balloon`. */
  readonly name: string;
  readonly plural: string;
  readonly kind: 'animal' | 'vehicle' | 'building' | 'plant' | 'thing';
  /** Where photographs show it. */
  readonly scenes: readonly [SceneName, ...SceneName[]];
  /** Its colours in photographs, by the word a caption may say; one is drawn for each picture. */
  readonly variants: Readonly<Record<string, NaturalColours>>;
  /** Whether it flies or swims where others stand; `stands` unless told. */
  readonly stance?: 'flies' | 'swims';
  readonly draw: Draw;
}
