// Prints the build id: a hash of what the addon and its device libraries have to agree on, the
// headers of native/core and the package's version. Used by CMakeLists.txt and binding.gyp.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const core = join(root, 'native/core');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const hash = createHash('sha256').update(version);
for (const file of readdirSync(core, { recursive: true }).sort()) {
  if (file.endsWith('.h')) hash.update(`\0${file}\0`).update(readFileSync(join(core, file)));
}
console.log(`${version}+${hash.digest('hex').slice(0, 12)}`);
