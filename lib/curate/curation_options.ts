/** How a curation is stopped and watched. */
export interface CurationOptions {
  /** Ends the curation, which rejects with its reason; the next one goes on where it stopped. */
  readonly signal?: AbortSignal | undefined;
  /**
   * @param stage  what is being made, such as `tokens`
   * @param done   how much of it is, of how much
   */
  readonly onProgress?: ((stage: string, done: number, total: number) => void) | undefined;
}
