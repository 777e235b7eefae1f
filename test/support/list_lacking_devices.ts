// What vitest runs around all files: at the end it says which devices the machine lacks, since their
// tests are not there to be counted.
import { lackingDevices } from './on_every_device.ts';

export function teardown(): void {
  for (const [name, why] of lackingDevices()) console.log(`not tested here: ${name}: ${why}`);
}
