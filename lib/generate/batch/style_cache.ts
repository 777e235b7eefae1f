import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { StyleReference } from '../request.ts';
import type { StyleHandle } from '../style_handle.ts';
import type { StyleAR } from '../stylear.ts';

/** Styles that are kept: 64 MiB of the released model's. */
const mostStyles = 256;

/** A file's content by name, and what the file was when it was read. */
interface Known {
  readonly mark: string;
  readonly hash: Promise<string>;
}

/** Styles by the paths and the content of their pictures: rows that share one have it encoded once. */
export class StyleCache {
  private readonly stylear: StyleAR;
  private readonly files = new Map<string, Known>();
  private readonly styles = new Map<string, Promise<StyleHandle>>();
  /** How many styles were encoded. */
  encoded = 0;

  constructor(stylear: StyleAR) {
    this.stylear = stylear;
  }

  /**
   * A style, encoded when it is first asked for.
   *
   * Rejects as `StyleAR.encodeStyle` does, each time it is asked for.
   *
   * @param references  with paths for pictures
   */
  async get(references: readonly StyleReference[]): Promise<StyleHandle> {
    const parts = references.map(async ({ picture, subject, weight = 1 }) => [
      await this.nameOf(picture as string),
      subject === undefined ? '' : await this.nameOf(subject as string),
      weight,
    ]);
    const key = JSON.stringify(await Promise.all(parts));
    const known = this.styles.get(key);
    this.styles.delete(key);
    const style = known ?? this.encode(key, references);
    // The one used last is dropped last.
    this.styles.set(key, style);
    const [oldest] = this.styles.keys();
    if (this.styles.size > mostStyles) this.styles.delete(oldest!);
    return style;
  }

  private async encode(key: string, references: readonly StyleReference[]): Promise<StyleHandle> {
    try {
      const style = await this.stylear.encodeStyle(references);
      this.encoded++;
      return style;
    } catch (error) {
      this.styles.delete(key);
      throw error;
    }
  }

  /** The path with its content, which is read again only where the file has changed. */
  private async nameOf(path: string): Promise<string> {
    let stats: Stats;
    try {
      stats = await stat(path);
    } catch {
      // What is wrong with it is said where it is decoded.
      return path;
    }
    if (!stats.isFile()) return path;
    const mark = `${stats.ino}:${stats.size}:${stats.mtimeMs}`;
    let known = this.files.get(path);
    if (known?.mark !== mark) {
      known = { mark, hash: hashOf(path) };
      this.files.set(path, known);
    }
    return `${path}:${await known.hash}`;
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
