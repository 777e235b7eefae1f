import { verifyChameleon } from '../../lib/verify/chameleon.ts';
import { everyCheckPasses } from '../support/golden.ts';

everyCheckPasses('chameleon', verifyChameleon, { dtypes: ['f32', 'bf16'] });
