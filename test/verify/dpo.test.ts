import { verifyDpo } from '../../lib/verify/dpo.ts';
import { everyCheckPasses } from '../support/golden.ts';

everyCheckPasses('dpo', verifyDpo);
