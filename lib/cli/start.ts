import { hasEmbeddedModel } from '../models/embedded_model.ts';
import { check } from './check.ts';
import { type DemoCommandOptions, demoCommand } from './demo.ts';

/**
 * `npm start`: the demo, or `check` where the embedded model is not there yet.
 *
 * @returns the exit status
 */
export function startCommand(
  pictures: readonly string[],
  options: DemoCommandOptions,
): Promise<number> {
  if (hasEmbeddedModel()) return demoCommand(pictures, options);
  console.log('No trained model is in this package yet; its devices are compared instead.');
  return check();
}
