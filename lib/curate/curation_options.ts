export interface CurationOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * @param stage  what is being made, such as `tokens`
   * @param done   how much of it is, of how much
   */
  readonly onProgress?: ((stage: string, done: number, total: number) => void) | undefined;
}
