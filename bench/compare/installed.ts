/**
 * Where peers that are npm packages lie: the `node_modules` folder that `STYLEAR_PEERS` names. They are
 * no dependencies of this package; the head of bench/run.ts says how they are installed.
 */

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface InstalledPackage {
  readonly folder: string;
  readonly version: string;
}

/** @returns the package, or the reason there is none */
export function findPackage(name: string): InstalledPackage | string {
  const packages = process.env.STYLEAR_PEERS;
  if (!packages) return `${name} is not looked for: STYLEAR_PEERS is not set`;
  const folder = path.resolve(packages, name);
  const description = path.join(folder, 'package.json');
  if (!existsSync(description)) return `${name} is not in ${packages}`;
  return { folder, version: JSON.parse(readFileSync(description, 'utf8')).version };
}
