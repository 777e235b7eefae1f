import type { PictureEntry, Place } from './journal.ts';

/** A file of a picture: itself, or what is said about it. */
export interface OutputFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Where the pictures of a batch go. */
export interface BatchOutput {
  /** Where the journal is kept. */
  readonly journal: string;
  /**
   * Goes on where the journal ends: what came after it is taken away.
   *
   * @param done   all pictures that are journaled, in order
   * @param names  of the files that the batch has, or will have
   * @returns      those of `done` whose files are there
   */
  resume(done: readonly PictureEntry[], names: ReadonlySet<string>): readonly PictureEntry[];
  /** Puts out what belongs to one picture; it outlasts a crash when this resolves. */
  add(files: readonly OutputFile[]): Promise<Place | undefined>;
  /** Completes what was written. */
  close(): void;
}
