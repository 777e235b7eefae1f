import { keep } from '../tensor/lifetime.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Draws } from './draws.ts';

/**
 * Codes that nothing is rounded to get no gradient, and stay unused. Those that were not used for long
 * are put where latents are (Dhariwal et al. 2020, section 3.1). The optimizer's moments of such a row
 * have faded by then, so that they are left as they are.
 */
export class DeadCodes {
  /** `[codes]`, i32: for how many steps each code was not used. */
  readonly idle: Tensor;
  private readonly codebook: Tensor;
  private readonly after: number;
  private seen: { readonly codes: Tensor; readonly latents: Tensor }[] = [];

  /**
   * @param codebook  `[codes, width]`, f32, written to
   * @param after     steps, at least 1
   */
  constructor(codebook: Tensor, after: number) {
    this.codebook = codebook;
    this.after = after;
    this.idle = keep(codebook.device.zeros([codebook.shape[0]!], 'i32'));
  }

  /**
   * Notes a batch of the step, and takes its tensors over.
   *
   * @param codes    `[...]`, i32
   * @param latents  `[..., width]`, f32: what was rounded to them
   */
  see(codes: Tensor, latents: Tensor): void {
    this.seen.push({ codes, latents });
  }

  /**
   * Counts what the step used, and revives what was idle for long.
   *
   * @returns `usedCodes`, the share of codes that the step used, and `revivedCodes`, how many
   */
  async revive(draws: Draws): Promise<{ usedCodes: number; revivedCodes: number }> {
    const { seen } = this;
    this.seen = [];
    const idle = Int32Array.from(await this.idle.read(), (steps) => steps + 1);
    let used = 0;
    for (const { codes } of seen)
      for (const code of await codes.read()) {
        if (idle[code] !== 0) used++;
        idle[code] = 0;
      }
    const dead = [...idle.keys()].filter((code) => idle[code]! >= this.after);
    const latents = seen[draws.below(seen.length, 'restart')]?.latents;
    if (latents && dead.length > 0) {
      await this.put(dead, latents, draws);
      for (const code of dead) idle[code] = 0;
    }
    this.idle.write(idle);
    for (const batch of seen) for (const tensor of Object.values(batch)) tensor.dispose();
    return { usedCodes: used / idle.length, revivedCodes: dead.length };
  }

  dispose(): void {
    this.idle.dispose();
    for (const batch of this.seen) for (const tensor of Object.values(batch)) tensor.dispose();
  }

  private async put(dead: readonly number[], latents: Tensor, draws: Draws): Promise<void> {
    const [, width] = this.codebook.shape as [number, number];
    const [from, rows] = await Promise.all([latents.read(), this.codebook.read()]);
    for (const code of dead) {
      // 0 is the draw of the batch.
      const row = draws.below(from.length / width, 'restart', 1 + code);
      rows.set(from.subarray(row * width, (row + 1) * width), code * width);
    }
    this.codebook.write(rows);
  }
}
